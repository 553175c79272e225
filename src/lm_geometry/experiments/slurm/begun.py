"""Which jobs the experiments of a study have, kept for later calls."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from lm_geometry.experiments.following import RUNNING
from lm_geometry.experiments.slurm.cluster import Job, lives
from lm_geometry.experiments.slurm.listed import Seen, seen_by_slurm
from lm_geometry.workspace.files import read_json, write_json

FILE = "jobs.json"


def read_jobs(logs: Path) -> list[Job]:
    """The jobs that were submitted, and whose end was not taken yet."""
    path = logs / FILE
    return [Job(**record) for record in read_json(path)] if path.exists() else []


def write_jobs(logs: Path, jobs: Iterable[Job]) -> None:
    """Keep these jobs, and no others."""
    write_json(logs / FILE, [asdict(job) for job in jobs])


def forget(logs: Path, jobs: Iterable[Job]) -> None:
    """Take out jobs whose end was taken."""
    ended = set(jobs)
    if ended:
        write_jobs(logs, [job for job in read_jobs(logs) if job not in ended])


def jobs_begun(names: set[str], logs: Path) -> dict[str, str]:
    """Which experiments have a job that waits or runs, in words."""
    jobs = [job for job in read_jobs(logs) if job.experiment in names and not job.result()]
    on_slurm = [job for job in jobs if job.cluster == "slurm"]
    seen = seen_by_slurm(on_slurm) if on_slurm else {}
    seen |= {job.experiment: Seen(RUNNING) for job in jobs if job.cluster == "local" and lives(job)}
    return {
        job.experiment: f"job {job.id} {seen[job.experiment].now}"
        for job in jobs
        if job.experiment in seen and seen[job.experiment].now
    }
