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
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.pieces import Piece, Store

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 22  # characters that are put into Arrow's memory at once
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
    """What was read until now: pieces, the types of a column in them, why one cannot be one."""

    store: Store = field(default_factory=Store)
    pieces: list[Piece] = field(default_factory=list)
    types: dict[str, dict[Any, int]] = field(default_factory=dict)  # and the first line of each
    kinds: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def add(self, rows: list[dict[str, JsonValue]], lines: list[int], identity: str | None) -> None:
        import pyarrow

        columns: dict[str, Any] = {}
        for name in dict.fromkeys([*self.types, *(name for row in rows for name in row)]):
            own = self.types.setdefault(name, {})
            values = [row.get(name) for row in rows]
            if name == identity:
                values = list(map(_identity, values))
            if name not in self.unreadable:
                part, kind, why = _array(values, lines, self.kinds.get(name, ""))
                if part is None:
                    self.unreadable[name] = why
                else:
                    columns[name], self.kinds[name] = part, kind
                    own.setdefault(part.type, lines[0])
        if not columns:
            columns["no column"] = pyarrow.nulls(len(rows))
        self.pieces.append(self.store.put(pyarrow.table(columns)))

    def whole(self) -> "dict[str, pa.DataType]":
        """The one type of each column that holds all of it; the others become unreadable."""
        found: dict[str, Any] = {}
        for name, own in self.types.items():
            if name not in self.unreadable:
                kind = _one_type(list(own))
                if kind is None or (len(own) > 1 and not self._holds(name, kind)):
                    told = [f"{one} from line {line}" for one, line in own.items()]
                    self.unreadable[name] = f"it holds {' and '.join(told)}"
                else:
                    found[name] = kind
        return found

    def _holds(self, name: str, kind: "pa.DataType") -> bool:
        import pyarrow

        schema = pyarrow.schema([(name, kind)])
        try:
            for piece in self.pieces:
                piece.read(schema)
        except (pyarrow.ArrowException, TypeError):
            return False
        return True


def read(path: Path, identity: str | None) -> tuple[Part, dict[str, str]]:
    """The rows of a file in pieces, and why other columns of it cannot be read.

    A name that a line lacks is missing there. Numbers of the column `identity` become texts, so
    that 7 and "7" are one document. Empty lines are passed over. Raises ValueError with the line
    for what is no JSON object, or has a name twice.
    """
    import pyarrow
    from datasets import Features

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
    if rows:
        found.add(rows, lines, identity)
    if not found.pieces:
        raise ValueError(f"{path} is empty: it has no line with a JSON object")
    features = Features.from_arrow_schema(pyarrow.schema(list(found.whole().items())))
    return Part(found.pieces, features), found.unreadable


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


def _array(
    values: list[JsonValue], lines: list[int], before: str
) -> "tuple[pa.Array | None, str, str]":
    """The values as an Arrow array and their kind, or none and why, with the line that is amiss.

    `before` is the kind of values in pieces before, or empty. Python takes True for 1, so that the
    kinds are looked at.
    """
    import pyarrow

    kinds = [KINDS[type(value)] for value in values]
    there = list(dict.fromkeys(kind for kind in [before, *kinds] if kind not in ("", "nothing")))
    if len(there) > 1:
        line = lines[kinds.index(there[1])]
        return None, "", f"line {line} holds {there[1]}, and a line before {there[0]}"
    if not any(kind != "nothing" for kind in kinds):
        return pyarrow.nulls(len(values)), before, ""
    fitting = _fitting(values)
    if fitting is not None:
        return fitting, there[0], ""
    # A longer beginning of the values never fits where a shorter one does not.
    first = bisect_left(range(len(values)), True, key=lambda n: _fitting(values[: n + 1]) is None)
    why = "has half of a surrogate pair, which is no character" if there == ["a text"] else ""
    return None, "", f"line {lines[first]} {why or f'holds {there[0]} that no column can hold'}"


def _fitting(values: Sequence[JsonValue]) -> "pa.Array | None":
    """The values as an Arrow array, or None where no type holds them all."""
    import pyarrow

    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
        return None


def _one_type(kinds: "list[pa.DataType]") -> "pa.DataType | None":
    """The type that holds values of each of these types, or None."""
    import pyarrow

    schemas = [pyarrow.schema([("column", kind)]) for kind in kinds]
    try:
        return pyarrow.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pyarrow.ArrowException, TypeError):
        return None
