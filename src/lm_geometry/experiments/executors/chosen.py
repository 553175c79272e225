"""The executor that the machine's settings name, for the scripts of stages."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from lm_geometry.experiments.executors.devices import workers
from lm_geometry.experiments.executors.ledger import Ledger
from lm_geometry.experiments.executors.plan import Plan, planned
from lm_geometry.experiments.executors.process import told_in
from lm_geometry.experiments.executors.processes import Processes
from lm_geometry.experiments.executors.worker import serve
from lm_geometry.workspace.machine import is_worker, machine
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.work import BEGAN, Cell, Work, in_order


class Executor(Protocol):
    """Who has the cells of a ledger computed."""

    @property
    def told(self) -> str:
        """What works on them, in words."""
        ...

    def run(self) -> Iterator[int]:
        """How many cells ended, each time that it may have changed; no worker outlives it."""
        ...


def execute(stage: str, works: Sequence[Work]) -> bool:
    """Have the cells of a stage computed that are not finished, and return whether all are.

    A worker computes what it is told, and `LM_GEOMETRY_SHARD` a part of the list. Raises ValueError
    where cells failed, with the reason of each; the others are finished.
    """
    if is_worker():
        serve(works)
        return False
    plan = planned(stage, [cell for work in works for cell in work.cells])
    plan.write(afresh=not machine().shard)
    if machine().shard:
        return _here(stage, works, plan)
    unfinished = {cell.name for work in works for cell in work.cells if not cell.is_finished()}
    todo = [cell for cell in plan.cells if cell.name in unfinished]
    if todo:
        ledger = Ledger(plan, todo)
        executor = _executor(ledger, works)
        if executor is None:
            _here(stage, works, plan)
        else:
            _follow(stage, works, ledger, executor)
            _tell_what_workers_did(plan)
    plan.remove()
    return True


def _executor(ledger: Ledger, works: Sequence[Work]) -> Executor | None:
    """Who computes, or None: this process, one cell after another."""
    chosen = machine().executor
    if chosen == "slurm":
        from lm_geometry.experiments.executors.slurm.jobs import Jobs

        return Jobs(ledger)
    if chosen == "ray":
        from lm_geometry.experiments.executors.on_ray import Tasks

        return Tasks(ledger, any(work.gpus != "none" for work in works))
    variables = workers(works, ledger.total)
    return Processes(ledger, variables) if len(variables) > 1 else None


def _here(stage: str, works: Sequence[Work], plan: Plan) -> bool:
    at: list[str] = []

    def said(state: str, cell: Cell) -> None:
        at[:] = [cell.name]
        plan.tell(cell.name, "began" if state == BEGAN else "done", "this process")

    try:
        return in_order(stage, works, said)
    except Exception as error:
        for name in at:
            plan.tell(name, "failed", "this process", f"{type(error).__name__}: {error}")
        raise


def _follow(stage: str, works: Sequence[Work], ledger: Ledger, executor: Executor) -> None:
    """Wait for the executor, tell how far it is, and close groups as their last cells end."""
    left: dict[tuple[int, str], set[str]] = {}
    for number, work in enumerate(works):
        for cell in work.cells:
            names = left.setdefault((number, cell.group), set())
            names |= {cell.name} & ledger.waiting.keys()
    with ended_by_sigterm():
        ended = Ended(executor.run())
        for _ in progress(ended, f"{stage} on {executor.told}, cells", ledger.total):
            for number, group in [key for key, names in left.items() if names <= ledger.done]:
                works[number].ended(group)
                del left[number, group]
    ledger.check()


def _tell_what_workers_did(plan: Plan) -> None:
    """Print what they said of cells, as one process would have: their logs go with the plan."""
    logs = sorted(plan.logs.glob("*.log"))
    for line in dict.fromkeys(line for log in logs for line in told_in(log)):
        print(line, flush=True)


class Ended:
    """An item for each cell that ended, of the growing numbers that an executor tells."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self.numbers = numbers

    def __iter__(self) -> Iterator[int]:
        told = 0
        for number in self.numbers:
            while told < number:
                told += 1
                yield told


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM raises SystemExit in the block, so that workers are ended as after Ctrl-C."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
