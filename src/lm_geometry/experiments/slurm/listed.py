"""What Slurm says of jobs: `squeue`, and `sacct` of those that it no longer lists."""

import getpass
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lm_geometry.experiments.following import RUNNING, WAITING
from lm_geometry.experiments.outcomes import State

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


class Submitted(Protocol):
    """What Slurm is asked about: a job by its id, and the experiment that it runs."""

    @property
    def id(self) -> str: ...

    @property
    def experiment(self) -> str: ...


@dataclass(frozen=True)
class Seen:
    """What a cluster says of a job: `waiting` or `running` now; else it ended, how if known."""

    now: str = ""
    end: State | None = None


def seen_by_slurm(jobs: Sequence[Submitted]) -> dict[str, Seen]:
    """As `squeue` lists them, or `sacct` where it no longer does; all wait while it is silent."""
    listed = _squeue()
    if listed is None:
        return {job.experiment: Seen(f"{WAITING} (squeue does not answer)") for job in jobs}
    return {job.experiment: _seen(job, *listed.get(job.id, ("", ""))) for job in jobs}


def _seen(job: Submitted, word: str, reason: str) -> Seen:
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
