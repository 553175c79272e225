"""A worker: the script of a stage that computes the cells which it is told, until told no more.

It is the stage's own script in a process of its own, with the number of an open pipe in
`LM_GEOMETRY_WORKER`. It reads a JSON line with the name of a cell from its standard input, and
writes one with what became of it to that pipe. Where its input ends, as when who gave it work was
killed, it ends after the cell that it is at.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import IO

from lm_geometry.workspace.faults import sentence
from lm_geometry.workspace.machine import WORKER
from lm_geometry.workspace.work import Cell, Work, make


def serve(works: Sequence[Work]) -> None:
    """Compute what is asked for, and say so."""
    number = int(os.environ[WORKER])
    os.set_inheritable(number, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: who gave the work ends it
    place = {cell.name: (work, cell) for work in works for cell in work.cells}
    opened = Opened()
    with os.fdopen(number, "w", encoding="utf-8") as pipe:
        _say(pipe, {"ready": len(place)})
        for line in sys.stdin:
            name = json.loads(line)["cell"]
            why = f"the stage has no cell {name} here" if name not in place else ""
            if not why:
                work, cell = place[name]
                why = _made(opened, work, cell)
            _say(pipe, {"cell": name, "why": why})


class Opened:
    """What is loaded for the cells of one group, and given back before another is."""

    def __init__(self) -> None:
        self.key: tuple[int, str] | None = None
        self.compute: Callable[[Cell], None] | None = None

    def function(self, work: Work, group: str) -> Callable[[Cell], None]:
        """What computes the cells of a group."""
        if self.compute is None or self.key != (id(work), group):
            self.compute = None
            self.compute = work.opened(group)
            self.key = id(work), group
        return self.compute


def _made(opened: Opened, work: Work, cell: Cell) -> str:
    """Why a cell could not be computed; empty where it was."""
    try:
        make(cell, opened.function(work, cell.group))
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        told = str(error.code) if isinstance(error, SystemExit) else sentence(error)
        return told or f"{type(error).__name__}: {error}"
    return ""


def _say(pipe: IO[str], told: dict[str, object]) -> None:
    try:
        print(json.dumps(told), file=pipe, flush=True)
    except BrokenPipeError:
        raise SystemExit(0) from None  # nobody is there any more; the cell is finished
