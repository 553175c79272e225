"""Two commands at the same time, in the toy project: both end well."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.toy_project import ToyProject, finished, toy

__all__ = ["finished", "toy"]

SLOWLY = """\
import time
while Path("hold").exists(): time.sleep(0.02)
Path("began").touch()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For DVC in processes of their own."""
    beside = Path(sys.executable).parent
    own = {"DVC_SITE_CACHE_DIR": str(tmp_path / "site"), "SHELL": "/bin/sh"}
    return {**os.environ, "PATH": f"{beside}:{os.environ['PATH']}", **own}


def started(
    project: ToyProject, environment: Mapping[str, str], *words: str
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", *words],
        cwd=project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def held(project: ToyProject) -> None:
    """A stage embed that waits while there is a file `hold`, and has to run."""
    script = project.folder / "stage.py"
    script.write_text(script.read_text().replace("params, data", f"{SLOWLY}params, data", 1))
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "slowly")
    (project.folder / "hold").touch()


def is_in_its_stage(project: ToyProject, running: "subprocess.Popen[str]") -> None:
    """Wait until DVC has begun the stage, whose outs it takes away before."""
    while (project.folder / "data" / "model.json").exists():
        assert running.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)


def test_a_second_repro_waits_or_says_what_runs_and_finds_everything_done(
    toy: ToyProject, environment: dict[str, str]
) -> None:
    before = toy.bytes()
    held(toy)
    first = started(toy, environment, "--wait-for-lock", "repro")
    is_in_its_stage(toy, first)
    second = started(toy, environment, "--wait-for-lock", "repro")
    time.sleep(0.5)
    (toy.folder / "hold").unlink()
    printed = [process.communicate(timeout=300)[0] for process in (first, second)]
    assert first.returncode == 0, printed
    assert "Running stage 'embed'" in printed[0]
    if second.returncode:  # it came while the stage held its outs, for which DVC does not wait
        assert "is busy" in printed[1]
        assert str(first.pid) in printed[1]
        again = started(toy, environment, "repro")
        assert "didn't change" in again.communicate(timeout=300)[0]
        assert again.returncode == 0
    assert toy.bytes() == before


@pytest.mark.slow
def test_an_experiment_beside_a_repro_harms_neither(
    toy: ToyProject, environment: dict[str, str]
) -> None:
    before = toy.bytes()
    held(toy)
    toy.git("config", "user.name", "test")
    toy.git("config", "user.email", "test@localhost")
    first = started(toy, environment, "--wait-for-lock", "repro")
    is_in_its_stage(toy, first)
    words = ("exp", "run", "--temp", "--name", "other", "-S", "layers=5")
    other = started(toy, environment, "--wait-for-lock", *words)
    time.sleep(0.5)
    (toy.folder / "hold").unlink()
    printed = [process.communicate(timeout=300)[0] for process in (first, other)]
    assert (first.returncode, other.returncode) == (0, 0), printed
    assert toy.bytes() == before
    listed = started(toy, environment, "exp", "list", "--name-only")
    assert listed.communicate(timeout=300)[0].split() == ["other"]
