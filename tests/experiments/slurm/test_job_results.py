"""How a job ran is told in JSON; a pickle in its folder is never opened."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.slurm.job import ClonedExperiment, Ran, result_file
from lm_geometry.experiments.slurm.jobs import Job

pytest.importorskip("submitit")

WHERE: Any = {"hardware": "a machine", "versions": {"torch": "2"}, "date": "2026-01-01"}
JOB = "4711"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job of this machine, whose process this is."""
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "local")
    monkeypatch.setenv("SUBMITIT_LOCAL_JOB_ID", JOB)
    monkeypatch.setenv("SUBMITIT_FOLDER", str(tmp_path))
    return tmp_path


def experiment(folder: Path) -> ClonedExperiment:
    return ClonedExperiment(
        origin=folder,
        commit="",
        experiment=Experiment("one", {}),
        carried={},
        clones=folder,
        scratch=folder,
        log=folder / "log",
        cpus=1,
    )


def test_a_result_comes_back_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("one", JOB, str(folder), "local")
    assert job.result() is None
    monkeypatch.setattr(ClonedExperiment, "_ran", lambda _: Ran(1.5, WHERE))
    assert experiment(folder)() == Ran(1.5, WHERE)
    assert job.result() == Ran(1.5, WHERE)


def test_what_was_raised_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: ClonedExperiment) -> Ran:
        raise RuntimeError("Job not requeued because: timed-out too many times.")

    monkeypatch.setattr(ClonedExperiment, "_ran", failing)
    with pytest.raises(RuntimeError, match="not requeued"):
        experiment(folder)()
    told = Job("one", JOB, str(folder), "local").result()
    assert isinstance(told, str)
    assert "RuntimeError: Job not requeued because: timed-out" in told


class Payload:
    """Runs something as it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.file,)


def test_a_pickle_is_never_opened(folder: Path) -> None:
    opened = folder / "opened"
    for name in (f"{JOB}_0_result.pkl", result_file(folder, JOB).name):
        (folder / name).write_bytes(pickle.dumps(("success", Payload(opened))))
    with pytest.raises(ValueError, match=r"4711_result.json"):
        Job("one", JOB, str(folder), "local").result()
    result_file(folder, JOB).unlink()
    assert Job("one", JOB, str(folder), "local").result() is None
    assert not opened.exists()
