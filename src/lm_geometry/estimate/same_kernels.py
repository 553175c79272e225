"""The same arithmetic on every x86 processor: kernels of AVX2, whatever a processor has beyond it.

BLAS and NumPy choose their loops by the processor. Those of AVX-512 add, and take logarithms, with
other last digits than those of AVX2, so that the same saved states would have other estimates. Our
own compiled loops have their order written down, whatever they are compiled for.
"""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

NEEDED = {"avx2", "fma"}  # else OpenBLAS would end with an illegal instruction
CORE = "Haswell"
# NumPy's names, from 2.4 on and before.
BEYOND_AVX2 = ("X86_V4", "AVX512_ICL", "AVX512_SPR")
BEYOND_AVX2_BEFORE = (
    *("AVX512F", "AVX512CD", "AVX512_SKX", "AVX512_CLX", "AVX512_CNL"),
    *("AVX512_ICL", "AVX512_SPR"),
)
CPUINFO = Path("/proc/cpuinfo")


def same_kernels() -> None:
    """Have OpenBLAS and NumPy, which are not loaded yet, use AVX2 alone.

    A processor without it, or of another make, keeps its own. Raises RuntimeError where NumPy is
    loaded, which has chosen then.
    """
    if not _has_avx2():
        return
    if "numpy" in sys.modules:
        raise RuntimeError("NumPy is loaded, and has chosen its loops: call same_kernels before")
    os.environ["OPENBLAS_CORETYPE"] = CORE
    before = tuple(map(int, version("numpy").split(".")[:2])) < (2, 4)
    os.environ["NPY_DISABLE_CPU_FEATURES"] = " ".join(BEYOND_AVX2_BEFORE if before else BEYOND_AVX2)


def _has_avx2() -> bool:
    if platform.machine() not in ("x86_64", "AMD64") or not CPUINFO.exists():
        return False
    lines = CPUINFO.read_text(errors="replace").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return set(flags.partition(":")[2].split()) >= NEEDED
