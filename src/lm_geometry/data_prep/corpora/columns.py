"""Columns of data sets as Arrow arrays, and the names `text` and `document` for two of them.

Arrow keeps the columns of a large corpus where they are, on disk; Python strings would not fit.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from lm_geometry.data_prep.corpora.catalogue import Corpus

if TYPE_CHECKING:
    from datasets import Dataset


def in_memory(rows: Any, info: Any = None) -> "Dataset":
    """A `pyarrow.Table` as a data set that has no history.

    The fingerprint would only name cache files, and some versions pickle all rows to find one.
    """
    from datasets import Dataset
    from datasets.table import InMemoryTable

    return Dataset(InMemoryTable(rows), info, fingerprint="0" * 16)


def table(dataset: "Dataset") -> Any:
    """The rows as a `pyarrow.Table`, without a copy where they are memory-mapped and in order."""
    return dataset.with_format("arrow")[:]


def column(dataset: "Dataset", name: str) -> Any:
    """One column as a `pyarrow.ChunkedArray`."""
    return table(dataset.select_columns([name])).column(name)


def document_numbers(dataset: "Dataset") -> tuple[np.ndarray, int]:
    """The document of each row, `[rows]` int32 in order of first appearance, and their number."""
    encoded = column(dataset, "document").unify_dictionaries().combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), len(encoded.dictionary)


def with_text_and_document(dataset: "Dataset", entry: Corpus) -> "Dataset":
    """The data set with its text and document columns so named, both strings.

    A list of words is joined by spaces and kept beside; a data set without a column `text` may
    have `words` instead. The documents are those of the entry's document column, else of a column
    `document` that is not the text, else each row is one. Other columns of these two names become
    `source_text`, `source_document`.
    Raises ValueError for a column that is not there or holds no text.
    """
    import pyarrow

    name = entry.column
    if name == "text" and "words" in dataset.column_names and name not in dataset.column_names:
        name = "words"
    named = column(dataset, there(dataset, name, entry))
    text = _texts(named, entry)
    replaced = {name} if text is named and name != "words" else set()
    document_column = entry.document_column
    if not document_column and "document" in dataset.column_names and name != "document":
        document_column = "document"
    if document_column:
        document = column(dataset, there(dataset, document_column, entry))
        replaced.add(document_column)
    else:
        document = pyarrow.chunked_array([np.arange(len(dataset))])
    dataset = dataset.remove_columns(sorted(replaced))
    for name in ("text", "document"):
        if name in dataset.column_names:
            dataset = dataset.rename_column(name, f"source_{name}")
    return added(dataset, {"text": text, "document": document.cast(pyarrow.string())})


def added(dataset: "Dataset", columns: dict[str, Any]) -> "Dataset":
    """The data set with these columns (Arrow arrays or lists) before its own."""
    from datasets import concatenate_datasets
    from pyarrow import Table

    added = in_memory(Table.from_pydict(columns))
    return concatenate_datasets([added, dataset], axis=1) if dataset.column_names else added


def there(dataset: "Dataset", name: str, entry: Corpus) -> str:
    """The name of a column that the data set has; raises ValueError where it has not."""
    if name not in dataset.column_names:
        there = ", ".join(dataset.column_names)
        raise ValueError(f"{entry.source}: there is no column {name!r}; there are {there}")
    return name


def _texts(values: Any, entry: Corpus) -> Any:
    import pyarrow

    kind = values.type
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        return values
    if pyarrow.types.is_list(kind) and pyarrow.types.is_string(kind.value_type):
        return pyarrow.chunked_array([[" ".join(words or []) for words in values.to_pylist()]])
    raise ValueError(f"{entry.source}: column {entry.column!r} holds {kind}, not text")
