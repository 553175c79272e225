"""What Slurm says of jobs: `squeue`, and `sacct` about those that it no longer lists."""

import getpass
import shutil
import subprocess

WAITING = ("PENDING", "REQUEUED", "CONFIGURING", "SUSPENDED", "REQUEUE_HOLD")
RUNS = (*WAITING, "RUNNING", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING")


def squeue() -> dict[str, tuple[str, str]] | None:
    """State and reason of this user's jobs by id, ended ones for some minutes; None: no answer."""
    format_ = ["--noheader", "--array", "--states=all", "--format=%i|%T|%r"]
    asked = subprocess.run(
        ["squeue", f"--user={getpass.getuser()}", *format_], capture_output=True, text=True
    )
    if asked.returncode != 0:
        return None  # the controller is away for a moment
    rows = (line.strip().split("|", 2) for line in asked.stdout.splitlines() if line.count("|") > 1)
    return {row[0]: (row[1], row[2]) for row in rows}


def sacct(job: str) -> str:
    """The state that the cluster's accounts have of a job; empty where they have none."""
    if not shutil.which("sacct"):
        return ""
    options = ["--noheader", "--allocations", "--parsable2", "--format=State"]
    asked = subprocess.run(["sacct", *options, "--jobs", job], capture_output=True, text=True)
    return asked.stdout.split()[0] if asked.returncode == 0 and asked.stdout.split() else ""
