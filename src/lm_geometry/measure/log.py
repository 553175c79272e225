"""Measurements of a training as a file of JSON lines, which outlives a resume."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.tables import Row

Values = dict[str, float]  # by the name under which it is logged


class Log:
    """A file of JSON lines, one per measurement: its step and values."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, step: int) -> None:
        """Keep what was written before `step`, of a training that goes on from there."""
        kept = [line for line in self.lines() if line["step"] < step]
        write_lines(self.path, kept)

    def last(self, step: int) -> int | None:
        """The last step up to `step` that is written; None where there is none."""
        return max(
            (int(line["step"]) for line in self.lines() if line["step"] <= step), default=None
        )

    def add(self, step: int, values: Values) -> None:
        """Append a line, whole."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")

    def lines(self) -> list[Values]:
        """What is written; a last line that a kill cut is left out."""
        return whole_lines(self.path)


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines, without a last one that a kill cut."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def write_lines(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    """Write a file of JSON lines, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        text = "".join(json.dumps(record) + "\n" for record in records)
        temporary.write_text(text, encoding="utf-8")


def named(key: str, row: Row, what: str = "") -> Values:
    """A mean and its interval: `key`, `key/lower`, `key/upper`; of a change `key/change`, …"""
    names = (f"{key}/{what}", f"{key}/{what}_lower", f"{key}/{what}_upper")
    if not what:
        names = (key, f"{key}/lower", f"{key}/upper")
    pairs = zip(names, (row["mean"], row["lower"], row["upper"]), strict=True)
    return {name: v for name, v in pairs if isinstance(v, float) and np.isfinite(v)}
