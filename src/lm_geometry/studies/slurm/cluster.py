"""Where jobs run: Slurm, or this machine without it, both by submitit."""

import getpass
import importlib.util
import logging
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from lm_geometry.studies.following import RUNNING, WAITING
from lm_geometry.studies.outcomes import State
from lm_geometry.studies.slurm.job import ClonedExperiment, Ran
from lm_geometry.studies.slurm.settings import SlurmSettings

RESULT_SECONDS = 20.0  # a network file system may show a result later than Slurm the end
SIGNAL_SECONDS = 90  # before the time limit, a job is told, so that it can go on in a new one
_ENDS = {
    "CANCELLED": State.CANCELLED,
    "TIMEOUT": State.TIMED_OUT,
    "DEADLINE": State.TIMED_OUT,
    "OUT_OF_MEMORY": State.OUT_OF_MEMORY,
    "PREEMPTED": State.CANCELLED,
    "FAILED": State.FAILED,
    "NODE_FAIL": State.FAILED,
    "BOOT_FAIL": State.FAILED,
    "COMPLETED": State.FAILED,  # and yet without a result
}


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


@dataclass(frozen=True)
class Seen:
    """What a cluster says of a job: `waiting` or `running` now; else it ended, how if known."""

    now: str = ""
    end: State | None = None


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
        return _submitted(executor, jobs, self.folder, "local", self._processes)

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """Whether the process of a job lives."""
        return {job.experiment: Seen(RUNNING if self._lives(job) else "") for job in jobs}

    def _lives(self, job: Job) -> bool:
        own = self._processes.get(job.id)
        return lives(job) if own is None else not own.done()


def seen_by_slurm(jobs: Sequence[Job]) -> dict[str, Seen]:
    """As `squeue` lists them, or `sacct` where it no longer does; all wait while it is silent."""
    listed = _squeue()
    if listed is None:
        return {job.experiment: Seen(f"{WAITING} (squeue does not answer)") for job in jobs}
    return {job.experiment: _seen(job, *listed.get(job.id, ("", ""))) for job in jobs}


def lives(job: Job) -> bool:
    """Whether the process of a job of this machine, begun by another call, is there."""
    try:
        os.kill(int(job.id), 0)
    except OSError:
        return False
    return True


def cluster(settings: SlurmSettings, folder: Path, name: str) -> Cluster:
    """What the settings name; raises ValueError where Slurm or submitit is not here."""
    if importlib.util.find_spec("submitit") is None:
        raise ValueError("jobs need submitit: pip install -r requirements/slurm.txt")
    if settings.cluster == "local":
        return Local(settings, folder)
    return Slurm(settings, folder, name)


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


def _seen(job: Job, word: str, reason: str) -> Seen:
    word = word or _sacct(job.id)
    if not word or word in _ENDS:
        return Seen(end=_ENDS.get(word))
    if word not in ("PENDING", "REQUEUED", "CONFIGURING", "SUSPENDED", "REQUEUE_HOLD"):
        return Seen(RUNNING)
    return Seen(f"{WAITING} ({reason})" if reason not in ("", "None") else WAITING)


def _squeue() -> dict[str, tuple[str, str]] | None:
    """State and reason of this user's jobs by id, ended ones for some minutes; None: no answer."""
    format_ = ["--noheader", "--array", "--states=all", "--format=%i|%T|%r"]
    asked = subprocess.run(
        ["squeue", f"--user={getpass.getuser()}", *format_], capture_output=True, text=True
    )
    if asked.returncode != 0:
        return None  # the controller is away for a moment
    rows = (line.strip().split("|", 2) for line in asked.stdout.splitlines() if line.count("|") > 1)
    return {row[0]: (row[1], row[2]) for row in rows}


def _sacct(job: str) -> str:
    """The state that the cluster's accounts have of a job; empty where they have none."""
    if not shutil.which("sacct"):
        return ""
    options = ["--noheader", "--allocations", "--parsable2", "--format=State"]
    asked = subprocess.run(["sacct", *options, "--jobs", job], capture_output=True, text=True)
    return asked.stdout.split()[0] if asked.returncode == 0 and asked.stdout.split() else ""
