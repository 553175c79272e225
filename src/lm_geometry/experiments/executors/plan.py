"""The list of cells of a stage as JSON in the scratch folder, and what became of each of them.

Whoever computes cells writes a line for each that begins or ends, to a file of its own. That a
cell is finished its own record tells, whoever made it; the lines tell who works on it, and why it
failed. `lm-geometry cells` reads both, also while the stage runs.
"""

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lm_geometry.workspace.files import private_folder, read_json, write_json
from lm_geometry.workspace.hashes import value_hash
from lm_geometry.workspace.machine import scratch
from lm_geometry.workspace.manifest import manifest_of
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.work import Cell

PLANS, LIST = "plans", "cells.json"
State = Literal["waiting", "began", "done", "lost", "failed"]


@dataclass(frozen=True)
class Listed:
    """A cell as others know it: the records that tell that it is finished, or all it is part of."""

    name: str
    group: str
    size: int
    records: list[str]
    whole: list[str]

    def is_done(self) -> bool:
        """Whether it was finished, by its records alone."""
        return _all_there(self.records) or (bool(self.whole) and _all_there(self.whole))


@dataclass(frozen=True)
class Event:
    """What was told of a cell: that it `began`, is `done`, `lost` with its worker, or `failed`."""

    cell: str
    state: State
    at: float  # seconds since 1970
    by: str = ""
    why: str = ""


class Plan:
    """The cells of one stage run, in a folder that every node sees."""

    def __init__(self, stage: str, cells: Sequence[Listed], folder: Path, root: Path) -> None:
        self.stage, self.cells, self.folder, self.root = stage, list(cells), folder, root

    def write(self, afresh: bool = True) -> None:
        """Put the list where others find it, in place of an earlier one of this stage here.

        What was told of the same list before is forgotten when all of it is begun `afresh`.
        """
        for other in read_plans():
            is_same = (other.stage, other.root) == (self.stage, self.root)
            if not other.root.exists() or (is_same and (afresh or other.folder != self.folder)):
                other.remove()
        private_folder(self.folder)  # jobs run what they find there
        cells = [asdict(cell) for cell in self.cells]
        told = {"stage": self.stage, "root": str(self.root), "cells": cells}
        write_json(self.folder / LIST, told)

    def remove(self) -> None:
        """Forget it: every cell is gathered, or it is of another state."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def logs(self) -> Path:
        """The folder in which workers have a log each."""
        return self.folder / "logs"

    def tell(self, cell: str, state: State, by: str = "", why: str = "") -> None:
        """Write down what became of a cell; nothing where a later run has a plan of its own."""
        line = json.dumps(asdict(Event(cell, state, time.time(), by, why)))
        mine = self.folder / f"{socket.gethostname()}-{os.getpid()}.jsonl"
        with contextlib.suppress(FileNotFoundError), mine.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def events(self) -> dict[str, Event]:
        """The last that was told of each cell."""
        found: dict[str, Event] = {}
        for file in self.folder.glob("*.jsonl"):
            for event in _lines(file):
                if event.cell not in found or event.at >= found[event.cell].at:
                    found[event.cell] = event
        return found


def planned(stage: str, cells: Sequence[Cell]) -> Plan:
    """The plan of a stage's cells, which is not written yet."""
    listed = [
        Listed(
            cell.name,
            cell.group,
            cell.size,
            [str(manifest_of(cell.within.path(name))) for name in cell.files],
            [str(manifest_of(cell.within.path(name))) for name in cell.whole],
        )
        for cell in cells
    ]
    key = value_hash([stage, str(ROOT), [cell.records for cell in listed]])
    return Plan(stage, listed, scratch().absolute() / PLANS / f"{stage}-{key[:16]}", ROOT)


def read_plan(folder: Path) -> Plan:
    """The plan in a folder."""
    found = read_json(folder / LIST)
    cells = [Listed(**cell) for cell in found["cells"]]
    return Plan(found["stage"], cells, folder, Path(found["root"]))


def read_plans() -> list[Plan]:
    """Every stage run that is under way, or was left before all of its cells were gathered."""
    return [read_plan(file.parent) for file in sorted((scratch() / PLANS).glob(f"*/{LIST}"))]


def _lines(file: Path) -> Iterator[Event]:
    """The whole lines of a file that another process may be writing."""
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield Event(**json.loads(line))
        except (ValueError, TypeError):
            continue


def _all_there(records: Sequence[str]) -> bool:
    return all(Path(record).exists() for record in records)
