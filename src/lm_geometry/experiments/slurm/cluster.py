"""Where jobs run: Slurm, or this machine without it, both by submitit."""

import importlib.util
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.experiments.outcomes import RUNNING
from lm_geometry.experiments.running import lives
from lm_geometry.experiments.slurm.job import ClonedExperiment, Ran
from lm_geometry.experiments.slurm.jobs import Job, Seen, seen_by_slurm
from lm_geometry.experiments.slurm.settings import SlurmSettings
from lm_geometry.workspace.files import private_folder

if TYPE_CHECKING:
    import submitit

Option = str | int | list[str] | dict[str, str | int | bool]
RESULT_SECONDS = 20.0  # a network file system may show a result later than Slurm the end
SIGNAL_SECONDS = 90  # before the time limit, a job is told, so that it can go on in a new one


class Slurm:
    """The cluster that `sbatch` submits to; all jobs of one call are an array."""

    at_a_time: int | None = None  # jobs to submit before others ended; an array has its own limit

    def __init__(self, settings: SlurmSettings, folder: Path, name: str) -> None:
        for command in ("sbatch", "srun", "squeue"):
            if not shutil.which(command):
                raise ValueError(
                    f"{command} is not on the path: --slurm is for a login node of a Slurm "
                    "cluster; `cluster: local` in the file tries it without"
                )
        self.settings = settings
        self.executor = Executor(settings, folder, "slurm")
        self.name = name

    def submit(self, jobs: Sequence[ClonedExperiment], after: Sequence[Job]) -> list[Job]:
        """Submit an array, which starts, whatever became of `after`, when all of them ended.

        Raises ValueError where it is refused.
        """
        ids = ":".join(job.id for job in after)  # of single tasks, not of their whole arrays
        own: dict[str, Option] = {
            "name": self.name,
            "slurm_partition": self.settings.partition,
            "slurm_account": self.settings.account,
            "slurm_mem": self.settings.memory,
            "slurm_array_parallelism": self.settings.parallel,
            "slurm_signal_delay_s": min(SIGNAL_SECONDS, 15 * self.settings.minutes),
            "slurm_setup": self.settings.setup,
            "slurm_additional_parameters": {
                name: v for name, v in self.settings.sbatch.items() if v is not False
            },
            "slurm_dependency": f"afterany:{ids}" if ids else "",
        }
        return self.executor.submit(jobs, {key: value for key, value in own.items() if value})

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """As `squeue` lists them, or `sacct` where it no longer does."""
        return seen_by_slurm(jobs)


class Local:
    """This machine, as a cluster of one: for tests, and to try a file of settings."""

    def __init__(self, settings: SlurmSettings, folder: Path) -> None:
        self.executor = Executor(settings, folder, "local")
        self.setup = {"local_setup": settings.setup} if settings.setup else {}
        self.at_a_time: int | None = settings.parallel

    def submit(self, jobs: Sequence[ClonedExperiment], after: Sequence[Job]) -> list[Job]:
        """Start them; that `after` ended is for the caller to see to."""
        with self.executor.streams_in_a_file():
            return self.executor.submit(jobs, self.setup)

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """Whether the process of a job lives."""
        lives = {job.experiment: self.executor.lives(job) for job in jobs}
        return {name: Seen(RUNNING if there else "") for name, there in lives.items()}


class Executor:
    """submitit's executor, with the jobs that it started and the streams that they inherit."""

    def __init__(self, settings: SlurmSettings, folder: Path, kind: str) -> None:
        self.settings = settings
        self.folder = folder
        self.kind = kind
        self._started: dict[str, submitit.Job[Ran]] = {}

    def submit(self, jobs: Sequence[ClonedExperiment], options: Mapping[str, Option]) -> list[Job]:
        """The jobs, each with its id; raises ValueError with what the cluster says against them."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        executor = self._made()
        executor.update_parameters(**options)
        try:
            with executor.batch() if len(jobs) > 1 else nullcontext():
                made = [executor.submit(job) for job in jobs]
        except (FailedJobError, FailedSubmissionError) as error:
            raise ValueError(f"sbatch refused the jobs: {error}") from None
        self._started |= {one.job_id: one for one in made}
        return [
            Job(job.experiment.name, one.job_id, str(self.folder), self.kind)
            for job, one in zip(jobs, made, strict=True)
        ]

    def lives(self, job: Job) -> bool:
        """Whether the process of a job of this machine is there, be it of another call."""
        own = self._started.get(job.id)
        return lives(int(job.id)) if own is None else not own.done()

    @contextmanager
    def streams_in_a_file(self) -> Iterator[None]:
        """Processes begun inside write to a file: they outlive this one, and would hold a pipe."""
        private_folder(self.folder)
        kept = [os.dup(stream) for stream in (1, 2)]
        with (self.folder / "started.log").open("ab") as file:
            try:
                for stream in (1, 2):
                    os.dup2(file.fileno(), stream)
                yield
            finally:
                for stream, own in zip((1, 2), kept, strict=True):
                    os.dup2(own, stream)
                    os.close(own)

    def _made(self) -> "submitit.AutoExecutor":
        import submitit

        private_folder(self.folder)  # a job runs what it finds there
        logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns where sacct is not kept
        restarts = {f"{self.kind}_max_num_timeout": self.settings.restarts}
        executor = submitit.AutoExecutor(folder=self.folder, cluster=self.kind, **restarts)
        asked = {"timeout_min": self.settings.minutes, "cpus_per_task": self.settings.cpus}
        if self.settings.gpus:
            asked["gpus_per_node"] = self.settings.gpus
        executor.update_parameters(**asked)
        return executor


def cluster(settings: SlurmSettings, folder: Path, name: str) -> Slurm | Local:
    """What the settings name; raises ValueError where Slurm or submitit is not here."""
    if importlib.util.find_spec("submitit") is None:
        raise ValueError("jobs need submitit: pip install -r requirements/slurm.txt")
    if settings.cluster == "local":
        return Local(settings, folder)
    return Slurm(settings, folder, name)
