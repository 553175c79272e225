"""Where jobs run: Slurm, or this machine without it, both by submitit."""

from collections.abc import Sequence
from pathlib import Path

from lm_geometry.experiments.executors.slurm.settings import SlurmSettings
from lm_geometry.experiments.executors.slurm.submission import Option, Submission, asked, require
from lm_geometry.experiments.outcomes import RUNNING
from lm_geometry.experiments.slurm.job import ClonedExperiment
from lm_geometry.experiments.slurm.jobs import Job, Seen, seen_by_slurm

RESULT_SECONDS = 20.0  # a network file system may show a result later than Slurm the end


class Slurm:
    """The cluster that `sbatch` submits to; all jobs of one call are an array."""

    at_a_time: int | None = None  # jobs to submit before others ended; an array has its own limit

    def __init__(self, settings: SlurmSettings, folder: Path, name: str) -> None:
        self.settings = settings
        self.submission = Submission(settings, folder)
        self.name = name

    def submit(self, jobs: Sequence[ClonedExperiment], after: Sequence[Job]) -> list[Job]:
        """Submit an array, which starts, whatever became of `after`, when all of them ended.

        Raises ValueError where it is refused.
        """
        ids = ":".join(job.id for job in after)  # of single tasks, not of their whole arrays
        waits = {"slurm_dependency": f"afterany:{ids}"} if ids else {}
        return _submitted(self.submission, jobs, asked(self.settings, self.name) | waits)

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """As `squeue` lists them, or `sacct` where it no longer does."""
        return seen_by_slurm(jobs)


class Local:
    """This machine, as a cluster of one: for tests, and to try a file of settings."""

    def __init__(self, settings: SlurmSettings, folder: Path) -> None:
        self.submission = Submission(settings, folder)
        self.options = asked(settings, "")
        self.at_a_time: int | None = settings.parallel

    def submit(self, jobs: Sequence[ClonedExperiment], after: Sequence[Job]) -> list[Job]:
        """Start them; that `after` ended is for the caller to see to."""
        with self.submission.streams_in_a_file():
            return _submitted(self.submission, jobs, self.options)

    def seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """Whether the process of a job lives."""
        lives = {job.experiment: self.submission.lives(job.id) for job in jobs}
        return {name: Seen(RUNNING if there else "") for name, there in lives.items()}


def cluster(settings: SlurmSettings, folder: Path, name: str) -> Slurm | Local:
    """What the settings name; raises ValueError where Slurm or submitit is not here."""
    require(settings.cluster)
    if settings.cluster == "local":
        return Local(settings, folder)
    return Slurm(settings, folder, name)


def _submitted(
    submission: Submission, jobs: Sequence[ClonedExperiment], options: dict[str, Option]
) -> list[Job]:
    ids, place = submission.submit(jobs, options), str(submission.folder)
    return [
        Job(job.experiment.name, one, place, submission.kind)
        for job, one in zip(jobs, ids, strict=True)
    ]
