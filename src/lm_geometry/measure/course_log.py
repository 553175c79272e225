"""What was said of a training, kept at every measurement, so that a resume goes on from any."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from lm_geometry.measure.course import Course
from lm_geometry.measure.log import whole_lines, write_lines
from lm_geometry.workspace.tables import read_table, write_table


class CourseLog:
    """A file of JSON lines, one per measurement, and a table of estimates for each least one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, step: int) -> tuple[Course, pd.DataFrame | None]:
        """What was said before `step`, and the least measurement by then, if it is not the start.

        What was kept from `step` on is of a training that is undone, and forgotten.
        """
        kept = [line for line in whole_lines(self.path) if line["step"] < step]
        write_lines(self.path, kept)
        if not kept:
            return Course(), None
        least = [line["step"] for line in kept if line["is_least"]]
        record = {name: value for name, value in kept[-1].items() if name != "step"}
        return Course(**record), read_table(self._table(least[-1])) if least else None

    def add(self, step: int, course: Course, local: pd.DataFrame) -> None:
        """Append what is said at a step, whose estimates are `local`."""
        if course.is_least:
            write_table(self._table(step), local)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **asdict(course)}) + "\n")

    def _table(self, step: int) -> Path:
        return self.path.with_suffix(f".{step}.parquet")
