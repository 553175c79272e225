"""Cells as tasks of a Ray cluster, one each, that see the project on a file system of all nodes.

A task has a worker of its own, which stays for the next task of the same Ray process. What it
returns is JSON. A task whose node or process ended is given out again by Ray itself.
"""

import json
import os
import queue
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lm_geometry.experiments.executors.devices import of_a_job
from lm_geometry.experiments.executors.ledger import ATTEMPTS, Ledger
from lm_geometry.experiments.executors.plan import Listed, Plan, read_plan
from lm_geometry.experiments.executors.process import Answer, WorkerProcess
from lm_geometry.workspace.extras import naming_the_extra
from lm_geometry.workspace.machine import machine

LOOKED = 1.0  # seconds from one look at the tasks to the next

_worker: WorkerProcess | None = None  # of this Ray process
_answers: "queue.Queue[Answer]" = queue.Queue()


class Tasks:
    """A task for each cell, so many at a time as the cluster has cores, or GPUs, for."""

    def __init__(self, ledger: Ledger, on_gpu: bool) -> None:
        """Raises ImportError where Ray is not installed."""
        with naming_the_extra("LM_GEOMETRY_EXECUTOR=ray", "ray"):
            import ray  # pyright: ignore[reportMissingImports]
        self.ray: Any = ray
        self.ledger = ledger
        self.told = "Ray"
        self._own = not ray.is_initialized()
        source = str(ledger.plan.root / "src")
        if self._own:
            ray.init(
                address=machine().ray or None,
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False if not machine().ray else None,
                runtime_env={"env_vars": {"PYTHONPATH": source}},
            )
        self.cores = machine().threads or 1
        has_gpus = bool(ray.cluster_resources().get("GPU"))
        self.needs = {"num_cpus": self.cores, "num_gpus": int(on_gpu and has_gpus)}

    def run(self) -> Iterator[int]:
        """The number of ended cells, each time that one ended."""
        ray, ledger = self.ray, self.ledger
        task = ray.remote(max_retries=ATTEMPTS - 1, **self.needs)(compute)
        folder = str(ledger.plan.folder)
        running: dict[Any, Listed] = {}
        try:
            while ledger.is_open:
                for cell in [*ledger.waiting.values()]:
                    ledger.began(cell)
                    running[task.remote(folder, cell.name, self.cores)] = cell
                ended, _ = ray.wait([*running], timeout=LOOKED)
                for one in ended:
                    self._take(one, running.pop(one))
                yield len(ledger.done) + len(ledger.failed)
        finally:
            for one in running:
                ray.cancel(one, force=True)
            if self._own:
                ray.shutdown()

    def _take(self, task: Any, cell: Listed) -> None:
        """What became of the cell of a task that ended."""
        try:
            told = json.loads(self.ray.get(task))
        except self.ray.exceptions.RayError as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            why = f"Ray gave it up after {ATTEMPTS} attempts: {type(error).__name__}: {first}"
            self.ledger.ended(cell.name, "Ray", "" if cell.is_done() else why)
            return
        (self.ledger.lost if told["lost"] else self.ledger.ended)(
            cell.name, told["by"], told["why"]
        )


def compute(folder: str, name: str, cores: int) -> str:
    """In a Ray process: compute one cell of the plan in a folder, and tell how that went, as JSON.

    Not that it is `lost` with a node or with this process: of that Ray hears, and tries again.
    """
    plan = _plan(folder)
    cell = next(cell for cell in plan.cells if cell.name == name)
    by = f"Ray on {os.uname().nodename}, process {os.getpid()}"
    if cell.is_done():
        return json.dumps({"by": by, "lost": False, "why": ""})
    plan.tell(name, "began", by)
    worker = _ready(plan, cores)
    worker.give(cell)
    while True:
        ended = not worker.lives()
        try:
            answer = _answers.get(timeout=0 if ended else LOOKED)
        except queue.Empty:
            if ended:
                return json.dumps({"by": by, "lost": True, "why": worker.why_ended()})
            continue
        if answer.worker is worker and answer.cell == name:
            worker.cell = None
            return json.dumps({"by": by, "lost": False, "why": answer.why})


@cache
def _plan(folder: str) -> Plan:
    return read_plan(Path(folder))


def _ready(plan: Plan, cores: int) -> WorkerProcess:
    """The worker of this Ray process, which is begun where there is none."""
    global _worker
    if _worker is None or not _worker.lives():
        log = plan.logs / f"{os.uname().nodename}-{os.getpid()}.log"
        given = ("Ray", plan.stage, plan.root, log, of_a_job(cores), _answers)
        _worker = WorkerProcess(*given)
    return _worker
