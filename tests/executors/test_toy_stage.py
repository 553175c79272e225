"""What becomes of cells whose workers end, fail or stop, by a stage whose cells cost nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from tests.executors.toy_stage import ToyStage, toy_stage


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ToyStage:
    return toy_stage(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def expected(made: ToyStage) -> dict[str, bytes]:
    """What one process leaves."""
    made.run()
    assert (made.beside / "ended.txt").read_text().split() == ["a", "b"]
    return made.bytes()


@pytest.fixture
def toy(made: ToyStage, expected: dict[str, bytes]) -> ToyStage:
    """The stage before its first run."""
    made.forget()
    return made


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def told(toy: ToyStage) -> str:
    """What `lm-geometry cells` prints there."""
    command = [sys.executable, "-m", "lm_geometry.commands.cli", "cells", "--all"]
    own = os.environ | {"PYTHONPATH": str(toy.folder / "src")}
    ran = subprocess.run(command, cwd=toy.folder, env=own, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_two_processes_divide_the_cells_and_leave_the_bytes_of_one(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    toy.run(workers=2)
    assert toy.bytes() == expected
    assert set(toy.begun().values()) == {1}
    assert len(toy.workers()) == 2
    assert sorted((toy.beside / "ended.txt").read_text().split()) == ["a", "b"]
    assert told(toy).startswith("no stage is unfinished")


def test_a_killed_worker_is_replaced_and_loses_its_cell_alone(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    process = toy.start(workers=2)
    until(lambda: len(toy.begun()) >= 3)
    os.kill(toy.workers()[0], signal.SIGKILL)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert toy.bytes() == expected
    assert sum(toy.begun().values()) <= len(expected) + 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_an_ended_stage_ends_its_workers_and_a_rerun_takes_what_is_finished(
    toy: ToyStage, expected: dict[str, bytes], sign: int
) -> None:
    process = toy.start(workers=2)
    until(lambda: len(toy.begun()) >= 4)
    process.send_signal(sign)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not any(psutil.pid_exists(worker) for worker in toy.workers())
    assert re.search(r"toy: 12 cells, [1-9] done", told(toy))
    toy.run(workers=2)
    assert toy.bytes() == expected
    assert sum(toy.begun().values()) <= len(expected) + 2


def test_workers_of_a_killed_stage_finish_their_cell_and_end(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    process = toy.start(workers=2)
    until(lambda: len(toy.begun()) >= 4)
    process.kill()
    process.communicate(timeout=60)
    toy.run(workers=2)  # while they may still be at it
    until(lambda: not any(psutil.pid_exists(worker) for worker in toy.workers()))
    assert toy.bytes() == expected
    assert set(toy.begun().values()) == {1}


def test_a_cell_that_fails_says_why_and_the_others_are_finished(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    for name in ("fail-a-002", "die-b-001"):
        (toy.beside / name).touch()
    printed = toy.run(fails=True, workers=2)
    assert "2 of 12 cells of toy failed (the others are finished, and taken by" in printed
    assert "  a/002: ValueError: a/002 brings no luck" in printed
    killed = "b/001: its worker was ended by SIGKILL, as the system does where memory runs out"
    assert killed in printed
    assert "; tried 3 times" in printed
    assert "Traceback" not in printed
    assert (toy.begun()["a/002"], toy.begun()["b/001"]) == (1, 3)
    shown = told(toy)
    assert shown.startswith("toy: 12 cells, 10 done, 2 failed\n")
    assert "  failed  a/002  ValueError: a/002 brings no luck" in shown
    for name in ("fail-a-002", "die-b-001"):
        (toy.beside / name).unlink()
    toy.run()
    assert toy.bytes() == expected
    assert sum(toy.begun().values()) == len(expected) + 4  # two of the tries, and two now


def test_where_every_cell_fails_no_more_than_a_few_are_tried(toy: ToyStage) -> None:
    for group in "ab":
        for number in range(6):
            (toy.beside / f"fail-{group}-{number:03d}").touch()
    printed = toy.run(fails=True, workers=2)
    assert re.search(r"[34] of 12 cells of toy failed, [89] were not begun", printed)


def test_a_stopped_worker_is_ended_and_its_cell_done_by_another(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    file = toy.folder / "src/lm_geometry/experiments/executors/process.py"
    text = file.read_text()
    file.write_text(
        text.replace("STALLED = 300.0", "STALLED = 4.0").replace("LOOKED = 5.0", "LOOKED = 1.0")
    )
    (toy.beside / "stop-a-001").touch()
    try:
        toy.run(workers=2)
    finally:
        file.write_text(text)
    assert toy.bytes() == expected
    assert toy.begun()["a/001"] == 2


def test_parts_by_hand_are_parts_of_the_list_and_leave_nothing_to_compute(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    toy.run(shard="2/3")
    assert list(toy.begun()) == ["a/004", "a/005", "b/000", "b/001"]
    assert toy.bytes() == {}
    assert told(toy).startswith("toy: 12 cells, 4 done, 8 waiting")
    toy.run(shard="1/3")
    toy.run(shard="3/3")
    toy.run()
    assert toy.bytes() == expected
    assert set(toy.begun().values()) == {1}
