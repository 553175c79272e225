"""The jobs of a study's experiments, kept for later calls, and what Slurm says of them.

Slurm is asked by `squeue`, and by `sacct` about jobs that it no longer lists.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lm_geometry.experiments.executors.living import lives
from lm_geometry.experiments.executors.slurm.listed import WAITING as ON_HOLD
from lm_geometry.experiments.executors.slurm.listed import sacct, squeue
from lm_geometry.experiments.outcomes import RUNNING, WAITING, State
from lm_geometry.experiments.slurm.job import Ran, result_file
from lm_geometry.workspace.files import read_json, write_json

FILE = "jobs.json"
_ENDS = {
    **dict.fromkeys(("CANCELLED", "PREEMPTED"), State.CANCELLED),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), State.TIMED_OUT),
    "OUT_OF_MEMORY": State.OUT_OF_MEMORY,
    # The last of them without a result.
    **dict.fromkeys(("FAILED", "NODE_FAIL", "BOOT_FAIL", "COMPLETED"), State.FAILED),
}


@dataclass(frozen=True)
class Job:
    """A job that was submitted for an experiment; submitit's files of it are in `folder`."""

    experiment: str
    id: str
    folder: str
    cluster: str

    def result(self) -> Ran | str | None:
        """How it ran, the traceback of what it raised, or None while there is neither."""
        path = result_file(Path(self.folder), self.id)
        if not path.exists():
            return None
        found = read_json(path)
        return str(found["raised"]) if "raised" in found else Ran(**found)

    def printed(self) -> str:
        """What the job's process wrote to its error stream: set-up lines, submitit and Slurm."""
        # A job array that never started a task leaves its words in another file.
        found = sorted(Path(self.folder).glob(f"{self.id}_*log.err"))
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in found)


@dataclass(frozen=True)
class Seen:
    """What a cluster says of a job: `waiting` or `running` now; else it ended, how if known."""

    now: str = ""
    end: State | None = None


def seen_by_slurm(jobs: Sequence[Job]) -> dict[str, Seen]:
    """As `squeue` lists them, or `sacct` where it no longer does; all wait while it is silent."""
    listed = squeue()
    if listed is None:
        return {job.experiment: Seen(f"{WAITING} (squeue does not answer)") for job in jobs}
    return {job.experiment: _seen(job, *listed.get(job.id, ("", ""))) for job in jobs}


def read_jobs(logs: Path) -> list[Job]:
    """The jobs that were submitted, and whose end was not taken yet."""
    path = logs / FILE
    return [Job(**record) for record in read_json(path)] if path.exists() else []


def write_jobs(logs: Path, jobs: Iterable[Job]) -> None:
    """Keep these jobs, and no others."""
    write_json(logs / FILE, [asdict(job) for job in jobs])


def forget(logs: Path, jobs: Iterable[Job]) -> None:
    """Take out jobs whose end was taken."""
    if ended := set(jobs):
        write_jobs(logs, [job for job in read_jobs(logs) if job not in ended])


def jobs_begun(names: set[str], logs: Path) -> dict[str, str]:
    """Which experiments have a job that waits or runs, in words."""
    jobs = [job for job in read_jobs(logs) if job.experiment in names and not job.result()]
    on_slurm = [job for job in jobs if job.cluster == "slurm"]
    seen = seen_by_slurm(on_slurm) if on_slurm else {}
    now = {name: one.now for name, one in seen.items() if one.now}
    now |= {
        job.experiment: RUNNING for job in jobs if job.cluster == "local" and lives(int(job.id))
    }
    ids = {job.experiment: job.id for job in jobs}
    return {name: f"job {ids[name]} {words}" for name, words in now.items()}


def _seen(job: Job, word: str, reason: str) -> Seen:
    word = word or sacct(job.id)
    if not word or word in _ENDS:
        return Seen(end=_ENDS.get(word))
    if word not in ON_HOLD:
        return Seen(RUNNING)
    return Seen(f"{WAITING} ({reason})" if reason not in ("", "None") else WAITING)
