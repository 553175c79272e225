"""Columns of data sets as Arrow arrays, and the names `text` and `document` for two of them.

Arrow keeps the columns of a large corpus where they are, on disk; Python strings would not fit.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from lm_geometry.data_prep.corpora import texts
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.data_sets import as_table, in_memory
from lm_geometry.data_prep.corpora.part import Part

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

NAME = re.compile(r"[\w.:-]{1,40}")  # without a space, as most texts have one


def column(rows: "Dataset | Part", name: str) -> "pa.ChunkedArray":
    """One column in memory, as a `pyarrow.ChunkedArray`."""
    if isinstance(rows, Part):
        return rows.table([name]).column(name)
    return as_table(rows.select_columns([name])).column(name)


def distinct(rows: "Dataset | Part", name: str) -> list[str]:
    """The values of a column of texts, each once, without empty and missing ones."""
    found: dict[str, None] = {}
    tables = (
        rows.tables([name]) if isinstance(rows, Part) else [as_table(rows.select_columns([name]))]
    )
    for one in tables:
        found |= dict.fromkeys(one.column(name).unique().to_pylist())
    return [value for value in found if value]


def identity_column(entry: Corpus) -> str | None:
    """The name of the column that may tell documents apart; None where `document` is the text."""
    return entry.document_column or ("document" if entry.column != "document" else None)


def with_text_and_document(
    dataset: "Dataset", entry: Corpus, before: int = 0, prefix: str = ""
) -> "Dataset":
    """The data set with its text and document columns so named, both strings.

    A list of words is joined by spaces and kept beside; a data set without a column `text` may
    have `words` instead. The documents are those of the entry's document column, else of a column
    `document` that is not the text. A row without one is a document of its own, as each is where
    there is no such column; these have the row's number, counted on from the rows `before`, after a
    `prefix`. Other columns of these two names become `source_text`, `source_document`.
    Raises ValueError for a column that is not there or holds no text.
    """
    name = entry.column
    if name == "text" and "words" in dataset.column_names and name not in dataset.column_names:
        name = "words"
    named = column(dataset, there(dataset, name, entry))
    text = _texts(named, entry)
    replaced = {name} if text is named and name != "words" else set()
    own, document = _documents(dataset, entry, before, prefix)
    dataset = dataset.remove_columns(sorted(replaced | own))
    dataset = set_aside(dataset, ["text", "document"])
    return added(dataset, {"text": text, "document": document})


def set_aside(dataset: "Dataset", names: Iterable[str]) -> "Dataset":
    """The data set with `source_` before these of its columns, which mean something else here."""
    for name in names:
        if name in dataset.column_names:
            other = f"source_{name}"
            while other in dataset.column_names:
                other = f"source_{other}"
            dataset = dataset.rename_column(name, other)
    return dataset


def added(dataset: "Dataset", columns: dict[str, Any]) -> "Dataset":
    """The data set with these columns (Arrow arrays or lists) before its own."""
    from datasets import concatenate_datasets
    from pyarrow import Table

    added = in_memory(Table.from_pydict(columns))
    return concatenate_datasets([added, dataset], axis=1) if dataset.column_names else added


def there(dataset: "Dataset", name: str, entry: Corpus) -> str:
    """The name of a column that the data set has; raises ValueError where it has not."""
    if name not in dataset.column_names:
        found = listed(dataset.column_names)
        raise ValueError(f"{entry.source}: there is no column {name!r}; there are {found}")
    return name


def listed(names: Iterable[str]) -> str:
    """The names of columns, without those that may be texts: a csv may lack the line of names."""
    names = list(names)
    plain = [name for name in names if NAME.fullmatch(name)]
    others = len(names) - len(plain)
    return ", ".join(plain + [f"{others} that may be text"] * (others > 0))


def given_documents(dataset: "Dataset", entry: Corpus) -> "tuple[str, pa.ChunkedArray] | None":
    """The column that documents are taken from, and their names as texts; missing where none is.

    None where no column tells documents, as a list or an object under the name `document` that
    nobody asked for.
    """
    import pyarrow

    name = identity_column(entry)
    if entry.document_column:
        there(dataset, entry.document_column, entry)
    if name is None or name not in dataset.column_names:
        return None
    named = column(dataset, name)
    if not entry.document_column and pyarrow.types.is_nested(named.type):
        return None
    try:
        return name, texts.not_empty(named).cast(pyarrow.string())
    except pyarrow.ArrowException:
        raise ValueError(
            f"{entry.source}: column {name!r} holds {named.type}, which names no documents"
        ) from None


def _documents(dataset: "Dataset", entry: Corpus, before: int, prefix: str) -> tuple[set[str], Any]:
    """The column that documents are taken from, in a set that may be empty, and those of each row.

    A row without one is named by its number, after a `prefix` that no given name begins with.
    """
    import pyarrow

    numbers = pyarrow.array(np.arange(before, before + len(dataset))).cast(pyarrow.string())
    given = given_documents(dataset, entry)
    if given is None:
        return set(), pyarrow.chunked_array([numbers])
    return {given[0]}, texts.filled(given[1], numbers, prefix)


def _texts(values: "pa.ChunkedArray", entry: Corpus) -> "pa.ChunkedArray":
    from pyarrow import types

    kind = values.type
    if types.is_dictionary(kind):
        kind = kind.value_type
        values = values.cast(kind)
    if _is_text(kind):
        return values
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if lists and _is_text(kind.value_type):
        joined = texts.joined(values)
        if joined.null_count > values.null_count:
            raise ValueError(f"{entry.source}: a list of column {entry.column!r} lacks a word")
        return joined
    raise ValueError(f"{entry.source}: column {entry.column!r} holds {kind}, not text")


def _is_text(kind: "pa.DataType") -> bool:
    from pyarrow import types

    return types.is_string(kind) or types.is_large_string(kind)
