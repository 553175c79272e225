"""The work of a stage as a list of cells, done in the order of the list, or by executors.

A cell is the least that is computed and kept as a whole: one (model, checkpoint, corpus split,
shard), one prompt, one cloud. The list follows from parameters and inputs alone, never from who
works on it, so that any number of processes finish the same cells with the same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Literal, Protocol

from lm_geometry.workspace import machine
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.progress import progress, under_way

BEGAN, DONE = "began", "done"


@dataclass(frozen=True)
class Cell:
    """One cell of a stage: what it is called, what must be loaded for it, and where it is kept.

    `files` are its names `within` the scratch folder. `whole` are those of a larger cell that has
    it in, and is kept in its place once it is there. `size` is in tokens, or what else takes time.
    """

    name: str
    group: str
    size: int
    within: Cells
    files: tuple[str, ...]
    whole: tuple[str, ...] = ()

    def is_finished(self) -> bool:
        """Whether it is there and what it was when it was finished; nothing is removed."""
        if self.whole and all(map(self.within.is_recorded, self.whole)):
            return True
        return all(map(self.within.is_finished, self.files))

    def is_recorded(self) -> bool:
        """Whether it was finished, by its record alone: nothing of it is read."""
        return any(
            names and all(map(self.within.is_recorded, names)) for names in (self.whole, self.files)
        )


class Work(Protocol):
    """Cells that a stage computes by one function, and what becomes of them when all are there."""

    tells: bool  # whether computing a cell tells itself how far it is

    @cached_property
    def cells(self) -> list[Cell]:
        """The list, those of a group after each other."""
        ...

    @property
    def gpus(self) -> Literal["none", "one", "all"]:
        """GPUs of the machine that a cell needs where there are any."""
        ...

    @property
    def memory_on_a_core(self) -> int:
        """Bytes that a cell takes which gains little by a second core; 0: it has use for all."""
        ...

    def opened(self, group: str) -> Callable[[Cell], None]:
        """The function that computes and keeps one cell of a group, with what it needs loaded."""
        ...

    def ended(self, group: str) -> None:
        """Take note that no cell of a group is left to be computed."""
        ...

    def gather(self) -> None:
        """Put every cell into its place in the stage's outs."""
        ...


Said = Callable[[str, Cell], None]  # BEGAN or DONE, of a cell
Execute = Callable[[str, Sequence[Work]], bool]


def finish(stage: str, works: Sequence[Work], execute: Execute) -> None:
    """Have every cell computed, then gathered; a part of them (`LM_GEOMETRY_SHARD`) is not."""
    if execute(stage, works):
        for work in works:
            work.gather()


def in_order(stage: str, works: Sequence[Work], said: Said = lambda state, cell: None) -> bool:
    """Compute in this process what is not finished, and return whether that is every cell.

    With `LM_GEOMETRY_SHARD=i/n` it is the i-th of n nearly equal parts of the list.
    """
    every = [cell for work in works for cell in work.cells]
    mine = {every[i].name for i in machine.part_of(list(range(len(every))))}
    for work in works:
        for group, cells in groupby(work.cells, attrgetter("group")):
            todo = [cell for cell in cells if cell.name in mine and not cell.is_finished()]
            if todo:
                _compute(work, group, todo, said)
            work.ended(group)
    return not machine.machine().shard


def _compute(work: Work, group: str, todo: list[Cell], said: Said) -> None:
    compute = work.opened(group)
    with under_way(group, len(todo)) as whole:
        for done, cell in enumerate(todo if work.tells else progress(todo, group)):
            whole.done = done
            said(BEGAN, cell)
            make(cell, compute)
            said(DONE, cell)


def make(cell: Cell, compute: Callable[[Cell], None]) -> None:
    """Compute a cell unless it is finished; of several processes one at a time, the others wait.

    What an ended process left of it half-written is removed before.
    """
    with cell.within.held(cell.name):
        if all(map(cell.within.has, cell.files)):
            return
        for name in cell.files:
            cell.within.forget(name)
            cell.within.sweep(name)
        compute(cell)
