"""Data sets of the library `datasets`: in memory, with columns alike, and read from their files."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora.pieces import PIECE

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset, DatasetInfo, Features


def in_memory(rows: "pa.Table", info: "DatasetInfo | None" = None) -> "Dataset":
    """A `pyarrow.Table` as a data set that has no history.

    The fingerprint would only name cache files, and some versions pickle all rows to find one.
    """
    from datasets import Dataset
    from datasets.table import InMemoryTable

    return Dataset(InMemoryTable(rows), info, fingerprint="0" * 16)


def as_table(dataset: "Dataset") -> "pa.Table":
    """The rows as a `pyarrow.Table`, without a copy where they are memory-mapped and in order."""
    return dataset.with_format("arrow")[:]


def alike(kinds: "list[Features]") -> "Features":
    """The columns of several data sets that are joined; raises ValueError."""
    import pyarrow
    from datasets import DatasetInfo, concatenate_datasets

    rows: list[Dataset] = []
    for features in kinds:  # a row of each, for an empty data set counts for nothing
        schema = features.arrow_schema.remove_metadata()
        nothing = [pyarrow.nulls(1, field.type) for field in schema]
        row = pyarrow.Table.from_arrays(nothing, schema=schema)
        rows.append(in_memory(row, DatasetInfo(features=features)))
    return concatenate_datasets(rows).features


def tables_of(dataset: "Dataset") -> "Iterator[pa.Table]":
    """The rows of a data set; those of its files are read, since mapped ones stay in memory."""
    import pyarrow

    schema = dataset.features.arrow_schema.remove_metadata()
    files: list[Any] = [file["filename"] for file in dataset.cache_files]
    if files and dataset._indices is None and _rows_of(files) == len(dataset):
        for file in files:
            with pyarrow.OSFile(file) as opened:
                for batch in pyarrow.ipc.open_stream(opened):
                    yield pyarrow.Table.from_batches([batch]).select(schema.names).cast(schema)
        return
    rows = max(1, PIECE * len(dataset) // max(1, dataset.data.nbytes))
    for start in range(0, len(dataset), rows):
        part = as_table(dataset.select(range(start, min(start + rows, len(dataset)))))
        yield part.replace_schema_metadata(None).cast(schema)


def _rows_of(files: list[str]) -> int:
    import pyarrow

    count = 0
    for file in files:
        with pyarrow.OSFile(file) as opened:
            try:
                count += sum(batch.num_rows for batch in pyarrow.ipc.open_stream(opened))
            except pyarrow.ArrowException:  # of another kind
                return -1
    return count
