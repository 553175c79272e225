"""Columns of dialogues in tables that somebody brings: what they must hold to be taken for such."""

import json
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora.columns import distinct, set_aside
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.states import NAMES

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

KINDS = ("context", "turn", "speaker", *NAMES)


def with_dialogue_columns(dataset: "Dataset", left: dict[str, str] | None = None) -> "Dataset":
    """The data set whose columns `context`, `turn`, `speaker`, `state`, … are what dialogues have.

    `turn` holds whole numbers, `context` lists of strings, `speaker` strings, and the others JSON:
    `requested` lists of strings, `state` and the like objects whose values are strings. What a file
    holds as lists and objects is written as JSON. A column of such a name that holds something
    else, or is `left` already, becomes `source_turn` and so on, and `left` gets its name with what
    is to be said of it.
    """
    left = {} if left is None else left
    for name in (name for name in NAMES if name in dataset.column_names):
        dataset = _as_json(dataset, name)
    there = [name for name in KINDS if name in dataset.column_names]
    others = [name for name in there if name in left or not _fits(dataset, name)]
    for name in others:
        kind = dataset.data.schema.field(name).type
        said = f"column {name} is not that of dialogues, and set aside: it holds {kind}"
        left.setdefault(name, said)
    return set_aside(dataset, others)


def _as_json(dataset: "Dataset", name: str) -> "Dataset":
    """The data set with a column of lists or objects as JSON, without names that a row lacks."""
    import pyarrow
    from pyarrow import types

    from lm_geometry.data_prep.corpora.columns import added, column

    kind = dataset.data.schema.field(name).type
    if not (types.is_struct(kind) or types.is_list(kind) or types.is_large_list(kind)):
        return dataset
    values = [_written(value) for value in column(dataset, name).to_pylist()]
    return added(dataset.remove_columns([name]), {name: pyarrow.array(values, pyarrow.string())})


def _written(value: object) -> str | None:
    if isinstance(value, dict):
        value = {key: own for key, own in value.items() if own is not None}
    return None if value is None else json.dumps(value, ensure_ascii=False)


def has_turns(part: Part) -> bool:
    """Whether each row has a turn, a whole number."""
    from pyarrow import types

    if "turn" not in part.column_names or not types.is_integer(part.schema.field("turn").type):
        return False
    return not any(table.column("turn").null_count for table in part.tables(["turn"]))


def _fits(dataset: "Dataset", name: str) -> bool:
    from pyarrow import types

    kind = dataset.data.schema.field(name).type
    if name == "turn":
        return types.is_integer(kind)
    if name == "context":
        return (types.is_list(kind) or types.is_large_list(kind)) and _is_text(kind.value_type)
    if not _is_text(kind):
        return False
    return name not in NAMES or all(_is_read(name, text) for text in distinct(dataset, name))


def _is_text(kind: "pa.DataType") -> bool:
    from pyarrow import types

    return types.is_string(kind) or types.is_large_string(kind)


def _is_read(name: str, text: str) -> bool:
    """Whether a value of one of the columns of states is JSON of the form that is read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    own: list[object]
    if name == "requested":
        own = value if isinstance(value, list) else [None]
    else:
        own = list(value.values()) if isinstance(value, dict) else [None]
    return all(isinstance(one, str) for one in own)
