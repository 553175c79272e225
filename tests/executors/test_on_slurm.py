"""Cells as jobs of a Slurm of two nodes on this machine: lost nodes, preemption, memory, time."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.executors.toy_stage import ToyStage, toy_stage
from tests.one_node_slurm import Cluster, missing, slurm

pytest.importorskip("submitit", reason="requirements/slurm.txt is not installed")
pytestmark = pytest.mark.slurm
SETTINGS = "{time: '0:10', memory: 400MB, parallel: 2}\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if why := missing():
        pytest.skip(why)
    with slurm(tmp_path_factory.mktemp("slurm") / "two", nodes=2, cpus=1) as made:
        yield made


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> ToyStage:
    toy = toy_stage(tmp_path_factory.mktemp("toy"), cells=16, seconds=0.5)
    toy.environment |= cluster.variables
    return toy


@pytest.fixture(scope="module")
def expected(made: ToyStage) -> dict[str, bytes]:
    """What one process leaves."""
    made.run()
    return made.bytes()


@pytest.fixture
def toy(made: ToyStage, expected: dict[str, bytes]) -> ToyStage:
    made.forget()
    (made.folder / "slurm.yaml").write_text(SETTINGS)
    return made


def command(toy: ToyStage, *words: str) -> str:
    """What a command of Slurm printed."""
    own = os.environ | toy.environment
    return subprocess.run(words, env=own, capture_output=True, text=True, check=True).stdout


def until(condition: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_jobs_on_two_nodes_leave_the_bytes_of_one_process(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    toy.run(executor="slurm")
    assert toy.bytes() == expected
    assert set(toy.begun().values()) == {1}
    assert toy.nodes() == {"node1", "node2"}
    assert not command(toy, "squeue", "--noheader").strip()


def test_a_stage_that_is_ended_cancels_its_jobs(toy: ToyStage, expected: dict[str, bytes]) -> None:
    process = toy.start(executor="slurm")
    until(lambda: len(toy.begun()) >= 3)
    process.terminate()
    process.communicate(timeout=60)
    until(lambda: not command(toy, "squeue", "--noheader").strip())
    toy.run(executor="slurm")
    assert toy.bytes() == expected
    assert sum(toy.begun().values()) <= len(expected) + 2


def test_preempted_jobs_go_on_after_the_others(toy: ToyStage, expected: dict[str, bytes]) -> None:
    process = toy.start(executor="slurm")
    until(lambda: len(toy.begun()) >= 3)
    first = ("sbatch", "--partition=first", "--ntasks=2", "--mem=4000M", "--output=/dev/null")
    command(toy, *first, "--wrap=sleep 4")
    until(lambda: "PENDING" in command(toy, "squeue", "--noheader", "--format=%P %T"))
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert toy.bytes() == expected
    assert sum(toy.begun().values()) <= len(expected) + 2


def test_a_cell_that_takes_too_much_memory_says_so(
    toy: ToyStage, expected: dict[str, bytes]
) -> None:
    (toy.beside / "memory-b-002").touch()
    printed = toy.run(fails=True, executor="slurm")
    assert "1 of 16 cells of toy failed" in printed
    assert "b/002: its job was ended for memory, of which slurm.yaml asks for 400MB" in printed
    assert "tried 3 times" in printed
    (toy.beside / "memory-b-002").unlink()
    toy.run(executor="slurm")
    assert toy.bytes() == expected


def test_a_scheduler_that_is_away_is_waited_for(
    toy: ToyStage, cluster: Cluster, expected: dict[str, bytes]
) -> None:
    process = toy.start(executor="slurm")
    until(lambda: len(toy.begun()) >= 3)
    cluster.controller.kill()
    cluster.controller.wait()
    time.sleep(8)
    cluster.start_controller()
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert toy.bytes() == expected
    assert set(toy.begun().values()) == {1}


def test_what_is_missing_or_wrong_is_named(toy: ToyStage) -> None:
    (toy.folder / "slurm.yaml").unlink()
    assert "slurm.yaml is missing, which says" in toy.run(fails=True, executor="slurm")
    (toy.folder / "slurm.yaml").write_text("{time: soon, memory: 1GB}\n")
    assert "time: Value error, hours:minutes" in toy.run(fails=True, executor="slurm")
