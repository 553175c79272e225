"""jsonl: an object a line, whose names are columns."""

import json
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from lm_geometry.data_prep.corpora.json_files import DEEPEST, refuse_deep
from lm_geometry.data_prep.corpora.lines import text_lines

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 24  # characters that are put into Arrow's memory at once
KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "nothing",
}


@dataclass
class _Columns:
    """What was read until now: Arrow arrays by column, and why a column cannot be one."""

    parts: dict[str, list[Any]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    rows: int = 0

    def add(self, rows: list[dict[str, JsonValue]], lines: list[int], identity: str | None) -> None:
        import pyarrow

        for name in dict.fromkeys(name for row in rows for name in row):
            self.parts.setdefault(name, [pyarrow.nulls(self.rows)])
        for name, parts in self.parts.items():
            values = [row.get(name) for row in rows]
            if name == identity:
                values = list(map(_identity, values))
            if name not in self.unreadable:
                part, why = _array(values, lines)
                parts.append(part)
                if why:
                    self.unreadable[name] = why
        self.rows += len(rows)


def read(path: Path, identity: str | None) -> "tuple[pa.Table, dict[str, str]]":
    """The rows of a file as a `pyarrow.Table`, and why other columns of it cannot be one of those.

    A name that a line lacks is missing there. Numbers of the column `identity` become texts, so
    that 7 and "7" are one document. Empty lines are passed over. Raises ValueError with the line
    for what is no JSON object, or has a name twice.
    """
    import pyarrow

    found = _Columns()
    rows: list[dict[str, JsonValue]] = []
    lines: list[int] = []
    size = 0
    for number, line in enumerate(text_lines(path), 1):
        if line.strip(" \t\r\n"):
            rows.append(_object(line, path, number))
            lines.append(number)
            size += len(line)
        if size > BLOCK:
            found.add(rows, lines, identity)
            rows, lines, size = [], [], 0
    found.add(rows, lines, identity)
    if not found.rows:
        raise ValueError(f"{path} is empty: it has no line with a JSON object")
    columns = {}
    for name, parts in found.parts.items():
        if name not in found.unreadable:
            try:
                columns[name] = _joined(parts)
            except (pyarrow.ArrowException, TypeError):
                kinds = " and ".join(dict.fromkeys(str(part.type) for part in parts if len(part)))
                found.unreadable[name] = f"it holds {kinds}"
    return pyarrow.table(columns), found.unreadable


def _object(line: str, path: Path, number: int) -> dict[str, JsonValue]:
    try:
        value = json.loads(line, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: line {number} is not JSON: {error.msg} at character {error.pos + 1}; a jsonl "
            "file has one whole object a line"
        ) from None
    except RecursionError:
        raise ValueError(
            f"{path}: line {number}: lists and objects stand more than {DEEPEST} deep"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: line {number}: {error}") from None
    refuse_deep(value, line, f"{path}: line {number}")
    if not isinstance(value, dict):
        kind = KINDS[type(value)]
        raise ValueError(f"{path}: line {number} is {kind}, not an object with names of columns")
    return value


def _without_repeats(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one name twice")
    return found


def _identity(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and math.isnan(value):
        return None
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _array(values: list[JsonValue], lines: list[int]) -> "tuple[pa.Array | None, str]":
    """The values as an Arrow array, or none and why, with the line of the first that does not fit.

    Python takes True for 1, so that the kinds are looked at before.
    """
    import pyarrow

    kinds = [KINDS[type(value)] for value in values]
    there = list(dict.fromkeys(kind for kind in kinds if kind != "nothing"))
    if len(there) > 1:
        line = lines[kinds.index(there[1])]
        return None, f"line {line} holds {there[1]}, and a line before {there[0]}"
    fitting = _fitting(values) if there else pyarrow.nulls(len(values))
    if fitting is not None:
        return fitting, ""
    # A longer beginning of the values never fits where a shorter one does not.
    first = bisect_left(range(len(values)), True, key=lambda n: _fitting(values[: n + 1]) is None)
    why = "has half of a surrogate pair, which is no character" if there == ["a text"] else ""
    return None, f"line {lines[first]} {why or f'holds {there[0]} that no column can hold'}"


def _fitting(values: Sequence[JsonValue]) -> "pa.Array | None":
    """The values as an Arrow array, or None where no type holds them all."""
    import pyarrow

    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
        return None


def _joined(parts: "list[pa.Array]") -> "pa.ChunkedArray":
    """The parts of a column in the one type that holds them all; raises ArrowException."""
    import pyarrow

    schemas = [pyarrow.schema([("column", part.type)]) for part in parts]
    whole = pyarrow.unify_schemas(schemas, promote_options="permissive").field(0).type
    return pyarrow.chunked_array([part.cast(whole) for part in parts], whole)
