"""The same saved states have the same estimates, to the bit, whatever machine reads them."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from lm_geometry.estimate import same_kernels
from tests.structure import ROOT

AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": " ".join(same_kernels.BEYOND_AVX2),
}


def tables(cache: Path, threads: int, **machine: str) -> dict[str, str]:
    """The hash of each column of each table, by a process of so many threads."""
    chosen = {"NUMBA_CACHE_DIR": str(cache), "OMP_NUM_THREADS": str(threads)}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")} | chosen | machine
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("tables_in_bytes.py"))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


@pytest.mark.slow
def test_estimates_are_the_same_to_the_bit_with_other_threads_processors_and_caches(
    tmp_path: Path,
) -> None:
    cold = tables(tmp_path, threads=1)
    assert len(cold) > 100
    assert tables(tmp_path, threads=2) == cold  # with loops from the cache
    if platform.machine() == "x86_64":
        assert tables(tmp_path, threads=2, **AVX2) == cold
        flags = same_kernels.CPUINFO.read_text() if same_kernels.CPUINFO.exists() else ""
        if "avx512vl" in flags:  # what OpenBLAS takes of a processor of another maker
            assert tables(tmp_path, threads=1, OPENBLAS_CORETYPE="SkylakeX") == cold


def test_a_processor_without_avx2_keeps_its_own_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "cpuinfo"
    old.write_text("processor: 0\nflags\t\t: fpu sse2 avx\n")
    monkeypatch.setattr(same_kernels, "CPUINFO", old)
    monkeypatch.setattr(same_kernels.platform, "machine", lambda: "x86_64")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    same_kernels.same_kernels()
    assert "OPENBLAS_CORETYPE" not in os.environ
    old.write_text("processor: 0\nflags\t\t: fpu sse2 avx avx2 fma\n")
    with pytest.raises(RuntimeError, match="NumPy is loaded"):
        same_kernels.same_kernels()
    monkeypatch.setattr(same_kernels.platform, "machine", lambda: "arm64")
    same_kernels.same_kernels()


def test_the_stage_chooses_kernels_before_numpy_is_loaded() -> None:
    told = (
        "import sys; from lm_geometry.estimate.same_kernels import same_kernels; same_kernels()\n"
        "assert 'numpy' not in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", told], env=environment, check=True)
    stage = (ROOT / "stages" / "estimate.py").read_text()
    assert stage.index("    same_kernels()") < stage.index("lm_geometry.estimate.run")
