"""The columns `text` and `document` of data sets that name them otherwise."""

from typing import TYPE_CHECKING, Any

import numpy as np

from lm_geometry.params.corpora import Corpus

if TYPE_CHECKING:
    from datasets import Dataset


def with_text_and_document(dataset: "Dataset", entry: Corpus) -> "Dataset":
    """The data set with its text and document columns so named, both strings.

    A list of words is joined by spaces and kept beside. Without a document column the row number
    is the document. Other columns of these two names become `source_text`, `source_document`.
    """
    import pyarrow

    text = _texts(column(dataset, entry.column, entry), entry)
    if entry.document_column:
        document = column(dataset, entry.document_column, entry).cast(pyarrow.string())
    else:
        document = pyarrow.array(np.arange(len(dataset))).cast(pyarrow.string())
    for name, taken in (("text", entry.column), ("document", entry.document_column)):
        if name == taken:
            dataset = dataset.remove_columns(name)
        elif name in dataset.column_names:
            dataset = dataset.rename_column(name, f"source_{name}")
    if entry.column in dataset.column_names and not pyarrow.types.is_nested(
        dataset.features.arrow_schema.field(entry.column).type
    ):
        dataset = dataset.remove_columns(entry.column)
    return dataset.add_column("text", text).add_column("document", document)


def column(dataset: "Dataset", name: str, entry: Corpus) -> Any:
    """A column as an Arrow chunked array, without a copy where the data set is memory-mapped."""
    if name not in dataset.column_names:
        there = ", ".join(dataset.column_names)
        raise ValueError(f"{entry.source}: there is no column {name!r}; there are {there}")
    return dataset.select_columns([name]).with_format("arrow")[:].column(name)


def _texts(values: Any, entry: Corpus) -> Any:
    import pyarrow

    kind = values.type
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        return values
    if pyarrow.types.is_list(kind) and pyarrow.types.is_string(kind.value_type):
        return pyarrow.array([" ".join(words or []) for words in values.to_pylist()])
    raise ValueError(f"{entry.source}: column {entry.column!r} holds {kind}, not text")
