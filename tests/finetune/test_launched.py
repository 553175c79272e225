"""Processes that are launched together end together, and what one says is said once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.structure import ROOT

SCRIPT = "tests.finetune.launched_program"
SECONDS = 240  # a hang fails

pytestmark = pytest.mark.slow


def started(kind: str, folder: Path) -> "tuple[subprocess.Popen[str], list[int]]":
    """The program, and its two processes once both have told each other who they are."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    words = [sys.executable, "-m", SCRIPT, kind, str(folder)]
    process = subprocess.Popen(words, cwd=ROOT, env=environment, **pipes)
    files = [folder / f"{rank}.txt" for rank in (0, 1)]
    while process.poll() is None and not all(f.exists() and f.read_text() for f in files):
        time.sleep(0.1)
    told = [file.read_text().split(" ", 1) for file in files]
    assert [words for _, words in told] == ["('of 0', [0, 1])"] * 2
    return process, [int(number) for number, _ in told]


def all_left(processes: list[int]) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not any(map(is_running, processes)):
            return True
        time.sleep(0.1)
    return False


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_both_do_their_work_and_the_launcher_goes_on(tmp_path: Path) -> None:
    process, own = started("ends", tmp_path)
    said = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, said
    assert said.splitlines()[-1] == "done"
    assert all_left(own)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("refuses", "ValueError: this is not right: take another"),
        ("fails", "IndexError: list index out of range"),
    ],
)
def test_an_error_of_one_ends_all_and_is_said_once(tmp_path: Path, kind: str, said: str) -> None:
    process, own = started(kind, tmp_path)
    told = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 1, told
    assert told.count(said) == 1
    assert ("_ = [][0]" in told) == (kind == "fails")  # the place of a fault is seen
    assert all_left(own)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_takes_the_other_with_it(tmp_path: Path, rank: int) -> None:
    process, own = started("waits", tmp_path)
    os.kill(own[rank], signal.SIGKILL)
    told = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 1, told
    assert f"process {rank + 1} of 2 (LM_GEOMETRY_TRAINING_PROCESSES) was ended by SIGKILL" in told
    assert all_left(own)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_both_leave_with_the_launcher(tmp_path: Path, number: signal.Signals) -> None:
    process, own = started("waits", tmp_path)
    process.send_signal(number)
    process.communicate(timeout=SECONDS)
    assert process.returncode == (-9 if number == signal.SIGKILL else 143)
    assert all_left(own)
