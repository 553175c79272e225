"""What a job does: the cells that are its share, one after another, on one worker of its node."""

import os
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.experiments.executors.devices import of_a_job
from lm_geometry.experiments.executors.ledger import Ledger
from lm_geometry.experiments.executors.plan import read_plan
from lm_geometry.experiments.executors.processes import Processes
from lm_geometry.workspace.files import write_json

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


@dataclass(frozen=True)
class Share:
    """Names of cells of the plan in a folder, for a job with so many cores."""

    plan: Path
    names: tuple[str, ...]
    cpus: int

    def __call__(self) -> None:
        """Compute what of them is not finished; what failed is written as JSON.

        submitit's own result is a pickle, which nobody reads.
        """
        from submitit import JobEnvironment

        job = JobEnvironment().job_id
        try:
            failed = self._computed(job)
        except Exception:
            write_json(result_file(self.plan, job), {"raised": traceback.format_exc()})
            raise
        write_json(result_file(self.plan, job), {"failed": failed})

    def checkpoint(self) -> "DelayedSubmission":
        """What submitit submits where the time limit is reached, or the job is preempted."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(replace(self))

    def _computed(self, job: str) -> dict[str, str]:
        plan = read_plan(self.plan)
        mine = set(self.names)
        todo = [cell for cell in plan.cells if cell.name in mine and not cell.is_done()]
        ledger = Ledger(plan, todo)
        if todo:
            node = os.uname().nodename
            for _ in Processes(ledger, [of_a_job(self.cpus)], told_of(job, node)).run():
                pass
        return ledger.failed


def told_of(job: str, node: str) -> str:
    """How a job's worker is called in what is told of its cells."""
    return f"job {job} on {node}, process"


def result_file(plan: Path, job: str) -> Path:
    """Where a job writes which cells failed, and why."""
    return plan / "jobs" / f"{job}_result.json"
