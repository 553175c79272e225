"""Measurements of a training as a file of JSON lines, which outlives a resume."""

import json
from pathlib import Path

Values = dict[str, float]  # by the name under which it is logged


class Log:
    """A file of JSON lines, one per measurement: its step and values."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, step: int) -> None:
        """Keep what was written before `step`, of a training that goes on from there."""
        kept = [line for line in self.lines() if line["step"] < step]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def add(self, step: int, values: Values) -> None:
        """Append a line, whole."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")

    def lines(self) -> list[Values]:
        """What is written; a last line that a kill cut is left out."""
        if not self.path.exists():
            return []
        found = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found
