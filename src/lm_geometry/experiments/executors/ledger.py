"""Which cells are left, who has which, how often one was tried, and when to give up."""

from collections import Counter
from collections.abc import Sequence

from lm_geometry.experiments.executors.plan import Listed, Plan

ATTEMPTS = 3  # of a cell whose worker ended under it
FAILURES = 3  # cells that failed, after which no other is begun


class Ledger:
    """The cells of a plan that are to be computed."""

    def __init__(self, plan: Plan, todo: Sequence[Listed], attempts: int = ATTEMPTS) -> None:
        self.plan = plan
        self.attempts = attempts
        self.total = len(todo)
        self.waiting = {cell.name: cell for cell in todo}
        self.running: dict[str, Listed] = {}
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}  # why, by cell
        self._lost: Counter[str] = Counter()

    @property
    def is_open(self) -> bool:
        """Whether anything runs or is still to be begun."""
        return bool(self.running) or (bool(self.waiting) and not self.gives_up)

    @property
    def gives_up(self) -> bool:
        """Whether so many cells failed that the others would as well."""
        return len(self.failed) >= FAILURES

    def next(self, group: str = "") -> Listed | None:
        """The cell to begin, of what a worker has loaded if there is one, else of what none has."""
        if self.gives_up or not self.waiting:
            return None
        opened = {cell.group for cell in self.running.values()}
        own = (c for c in self.waiting.values() if c.group == group)
        new = (c for c in self.waiting.values() if c.group not in opened)
        return next(own, None) or next(new, None) or next(iter(self.waiting.values()))

    def began(self, cell: Listed, by: str = "") -> None:
        """A worker has it; without `by` it waits for one elsewhere, which tells of it itself."""
        self.running[cell.name] = self.waiting.pop(cell.name)
        if by:
            self.plan.tell(cell.name, "began", by)

    def ended(self, name: str, by: str, why: str = "") -> None:
        """A worker says that it is done, or why it failed; that is not tried again."""
        cell = self._taken(name)
        if not why and not cell.is_done():
            why = "its worker had another state of the project: was something edited meanwhile?"
        if why:
            self.failed[name] = why
        else:
            self.done.add(name)
        self.plan.tell(name, "failed" if why else "done", by, why)

    def lost(self, name: str, by: str, why: str) -> None:
        """Its worker ended under it: it is tried again, first of all, so often and no more."""
        cell = self._taken(name)
        if cell.is_done():
            self.done.add(name)
            self.plan.tell(name, "done", by)
            return
        self._lost[name] += 1
        if self._lost[name] >= self.attempts:
            why = f"{why}; tried {self.attempts} times" if self.attempts > 1 else why
            self.failed[name] = why
        else:
            self.waiting = {name: cell} | self.waiting
        self.plan.tell(name, "failed" if name in self.failed else "lost", by, why)

    def _taken(self, name: str) -> Listed:
        return self.running.pop(name) if name in self.running else self.waiting.pop(name)

    def found_done(self) -> None:
        """Take note of cells that others finished."""
        for name in [name for name, cell in self.waiting.items() if cell.is_done()]:
            del self.waiting[name]
            self.done.add(name)

    def check(self) -> None:
        """Raises ValueError where cells failed, with the reason of each."""
        if not self.failed:
            return
        left = f", {len(self.waiting)} were not begun" if self.waiting else ""
        lines = [f"  {name}: {why}" for name, why in self.failed.items()]
        raise ValueError(
            f"{len(self.failed)} of {self.total} cells of {self.plan.stage} failed{left} (the "
            f"others are finished, and taken by the next run):\n{chr(10).join(lines)}"
        )
