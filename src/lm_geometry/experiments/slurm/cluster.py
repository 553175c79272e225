"""Where jobs run: Slurm, or this machine without it, both by submitit."""

import importlib.util
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from lm_geometry.experiments.following import RUNNING
from lm_geometry.experiments.running import lives as process_lives
from lm_geometry.experiments.slurm.job import ClonedExperiment, Ran
from lm_geometry.experiments.slurm.listed import Seen, seen_by_slurm
from lm_geometry.experiments.slurm.settings import SlurmSettings

RESULT_SECONDS = 20.0  # a network file system may show a result later than Slurm the end
SIGNAL_SECONDS = 90  # before the time limit, a job is told, so that it can go on in a new one


@dataclass(frozen=True)
class Job:
    """A job that was submitted for an experiment; submitit's files of it are in `folder`."""

    experiment: str
    id: str
    folder: str
    cluster: str

    def record(self) -> dict[str, Any]:
        """The job as JSON."""
        return asdict(self)

    def result(self) -> Ran | str | None:
        """How it ran, the traceback of what it raised, or None while there is neither."""
        from submitit.core.utils import JobPaths, pickle_load

        path = JobPaths(self.folder, self.id, task_id=0).result_pickle
        return pickle_load(path)[1] if path.exists() else None

    def printed(self) -> str:
        """What the job's process wrote to its error stream: set-up lines, submitit and Slurm."""
        from submitit.core.utils import JobPaths

        paths = JobPaths(self.folder, self.id, task_id=0)
        # A job array that never started a task leaves its words in another file.
        found = sorted(paths.folder.glob(f"{self.id}_*log.err"))
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in found)


class Cluster(Protocol):
    """What runs jobs."""

    at_a_time: int | None  # how many jobs may be submitted before others ended; None: all

    def submit(self, jobs: Sequence[ClonedExperiment], after: Sequence[Job]) -> list[Job]:
        """Submit them, to start when all of `after` ended; raises ValueError if refused."""
        ...

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """What is known of jobs, by the experiment."""
        ...


class Slurm:
    """The cluster that `sbatch` submits to; all jobs of one call are an array."""

    at_a_time: int | None = None  # the array has a limit

    def __init__(self, settings: SlurmSettings, folder: Path, name: str) -> None:
        for command in ("sbatch", "srun", "squeue"):
            if not shutil.which(command):
                raise ValueError(
                    f"{command} is not on the path: --slurm is for a login node of a Slurm "
                    "cluster; `cluster: local` in the file tries it without"
                )
        self.settings = settings
        self.folder = folder
        self.name = name

    def submit(self, jobs: Sequence[ClonedExperiment], after: Sequence[Job]) -> list[Job]:
        """Submit an array; it starts, whatever became of `after`, when all of them ended."""
        executor = _executor(self.settings, self.folder, "slurm")
        ids = ":".join(job.id for job in after)  # of single tasks, not of their whole arrays
        dependency = {"slurm_dependency": f"afterany:{ids}"} if ids else {}
        further = {name: v for name, v in self.settings.sbatch.items() if v is not False}
        own = {
            "slurm_partition": self.settings.partition or None,
            "slurm_account": self.settings.account or None,
            "slurm_mem": self.settings.memory,
            "slurm_array_parallelism": self.settings.parallel,
            "slurm_signal_delay_s": min(SIGNAL_SECONDS, 15 * self.settings.minutes),
            "slurm_setup": self.settings.setup or None,
            "slurm_additional_parameters": further or None,
        }
        chosen = {key: value for key, value in own.items() if value is not None}
        executor.update_parameters(name=self.name, **chosen, **dependency)
        return _submitted(executor, jobs, self.folder, "slurm")

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """As `squeue` lists them, or `sacct` where it no longer does."""
        return seen_by_slurm(jobs)


class Local:
    """This machine, as a cluster of one: for tests, and to try a file of settings."""

    def __init__(self, settings: SlurmSettings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.at_a_time: int | None = settings.parallel
        self._processes: dict[str, Any] = {}

    def submit(self, jobs: Sequence[ClonedExperiment], after: Sequence[Job]) -> list[Job]:
        """Start them; that `after` ended is for the caller to see to."""
        executor = _executor(self.settings, self.folder, "local")
        if self.settings.setup:
            executor.update_parameters(local_setup=self.settings.setup)
        with _written_to(self.folder / "started.log"):
            return _submitted(executor, jobs, self.folder, "local", self._processes)

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """Whether the process of a job lives."""
        return {job.experiment: Seen(RUNNING if self._lives(job) else "") for job in jobs}

    def _lives(self, job: Job) -> bool:
        own = self._processes.get(job.id)
        return lives(job) if own is None else not own.done()


def lives(job: Job) -> bool:
    """Whether the process of a job of this machine, begun by another call, is there."""
    return process_lives(int(job.id))


def cluster(settings: SlurmSettings, folder: Path, name: str) -> Cluster:
    """What the settings name; raises ValueError where Slurm or submitit is not here."""
    if importlib.util.find_spec("submitit") is None:
        raise ValueError("jobs need submitit: pip install -r requirements/slurm.txt")
    if settings.cluster == "local":
        return Local(settings, folder)
    return Slurm(settings, folder, name)


@contextmanager
def _written_to(path: Path) -> Iterator[None]:
    """Processes started inside write to a file: they outlive this one, and would hold its pipe."""
    kept = [os.dup(stream) for stream in (1, 2)]
    with path.open("ab") as file:
        try:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
            yield
        finally:
            for stream, own in zip((1, 2), kept, strict=True):
                os.dup2(own, stream)
                os.close(own)


def _executor(settings: SlurmSettings, folder: Path, kind: str) -> Any:
    import submitit

    logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns where sacct is not kept
    folder.mkdir(parents=True, exist_ok=True)
    restarts = {f"{kind}_max_num_timeout": settings.restarts}
    executor = submitit.AutoExecutor(folder=folder, cluster=kind, **restarts)
    executor.update_parameters(timeout_min=settings.minutes, cpus_per_task=settings.cpus)
    if settings.gpus:
        executor.update_parameters(gpus_per_node=settings.gpus)
    return executor


def _submitted(
    executor: Any,
    jobs: Sequence[ClonedExperiment],
    folder: Path,
    kind: str,
    processes: dict[str, Any] | None = None,
) -> list[Job]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        if len(jobs) == 1:
            made = [executor.submit(jobs[0])]
        else:
            with executor.batch():
                made = [executor.submit(job) for job in jobs]
    except (FailedJobError, FailedSubmissionError) as error:
        raise ValueError(f"sbatch refused the jobs: {error}") from None
    if processes is not None:
        processes |= {one.job_id: one for one in made}
    return [
        Job(job.experiment.name, one.job_id, str(folder), kind)
        for job, one in zip(jobs, made, strict=True)
    ]
