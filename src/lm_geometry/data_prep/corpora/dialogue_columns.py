"""Columns of dialogues in tables that somebody brings: what they must hold to be taken for such."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora.columns import set_aside
from lm_geometry.data_prep.corpora.states import NAMES

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

KINDS = ("context", "turn", "speaker", *NAMES)


def with_dialogue_columns(dataset: "Dataset") -> "Dataset":
    """The data set whose columns `context`, `turn`, `speaker`, `state`, … are what dialogues have.

    `turn` holds whole numbers, `context` lists of strings and the others strings; a column of such
    a name that holds something else becomes `source_turn` and so on.
    """
    schema = dataset.data.schema
    wrong = [
        name for name in KINDS if name in schema.names and not _fits(name)(schema.field(name).type)
    ]
    return set_aside(dataset, wrong)


def has_turns(dataset: "Dataset") -> bool:
    """Whether each row has a turn, a whole number."""
    import pyarrow
    from pyarrow import types

    from lm_geometry.data_prep.corpora.columns import column

    if "turn" not in dataset.column_names:
        return False
    turn: pyarrow.ChunkedArray = column(dataset, "turn")
    return types.is_integer(turn.type) and turn.null_count == 0


def _fits(name: str) -> "Callable[[pa.DataType], bool]":
    from pyarrow import types

    def is_text(kind: "pa.DataType") -> bool:
        return types.is_string(kind) or types.is_large_string(kind)

    def are_texts(kind: "pa.DataType") -> bool:
        return (types.is_list(kind) or types.is_large_list(kind)) and is_text(kind.value_type)

    return {"turn": types.is_integer, "context": are_texts}.get(name, is_text)
