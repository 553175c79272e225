"""`python`, `dvc` and `lm-geometry` as forks of a process that holds their libraries."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KERNELS = {"OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "1"}
BEYOND_AVX2 = "X86_V4 AVX512_ICL AVX512_SPR"  # as stage estimate has it, before NumPy is loaded


@contextmanager
def forked_commands(folder: Path, more: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """Environment with which the three programs are forks, while the context is open.

    They take a hundredth of a second to begin instead of eight, and pictures are not rendered.
    `more` are libraries that are held beside those of the stages.
    """
    programs = folder / "programs"
    programs.mkdir(parents=True)
    for name in ("python", "dvc", "lm-geometry"):
        program = programs / name
        text = (HERE / "client.py").read_text()
        program.write_text(f"#!{sys.executable} -ISE\n{text}")
        program.chmod(0o755)
    own = {"NPY_DISABLE_CPU_FEATURES": BEYOND_AVX2, "PYTHONPATH": str(HERE.parent / "stand_ins")}
    server = subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), str(programs), *more],
        env=os.environ | KERNELS | own,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n", "the libraries could not be loaded"
        yield shell_commands() | {"PATH": f"{programs}:{os.environ['PATH']}", "SHELL": "/bin/sh"}
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()


def shell_commands() -> dict[str, str]:
    """Environment with which the programs are those of a shell: a share of kills has these."""
    beside = str(Path(sys.executable).parent)
    own = {
        "PATH": f"{beside}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),  # of what is tried here, whatever is installed
        "LM_GEOMETRY_DEVICE": "cpu",
        "LM_GEOMETRY_THREADS": "1",
        "LM_GEOMETRY_COSTS": "never",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    return os.environ | own


def run(words: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a command printed; raises AssertionError, with its words, where it failed."""
    ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{words} ended with {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr
