"""Files with a row per sequence: jsonl, csv, tsv, parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora import delimited, json_lines
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import identity_column, listed
from lm_geometry.data_prep.corpora.lines import format_of, refuse_pointer
from lm_geometry.data_prep.corpora.part import Part

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("text", "document", "label", "words", "tags")  # of a csv, where lists stand with spaces
ROWS = 1 << 13  # of a parquet file that are read at once
BUFFER = 1 << 20  # bytes of each of its columns


def read(path: Path, entry: Corpus) -> Part:
    """The rows of one file with all its columns, equal to what was written there.

    A column that cannot be one is left out, and said so. Raises ValueError for a format that is
    not read, a damaged file, and a column that the entry asks for and that cannot be one.
    """
    asked = {entry.column, entry.document_column, entry.label_column, entry.tags_column}
    kind = format_of(path)
    if kind in (".jsonl", ".ndjson"):
        part, unreadable = json_lines.read(path, identity_column(entry))
    elif kind in (".csv", ".tsv"):
        texts = {*TEXTS, *filter(None, asked)}
        part, unreadable = delimited.read(path, "\t" if kind == ".tsv" else ",", texts), {}
    elif path.suffix.lower() == ".parquet":
        part, unreadable = _parquet(path)
    else:
        raise ValueError(
            f"{path}: the reader table takes .jsonl, .csv and .tsv, also with .gz, .bz2, .xz and "
            ".zst, and .parquet"
        )
    for name, why in unreadable.items():
        if name in asked:
            raise ValueError(f"{path}: column {name!r} cannot be read: {why}")
        print(f"{path.name}: left out, as nobody asked for it: {listed([name])}: {why}", flush=True)
    return part


def _parquet(path: Path) -> tuple[Part, dict[str, str]]:
    """The rows in types that `datasets` has, and why other columns have none."""
    import pyarrow
    from datasets import Features

    if path.is_file():
        with path.open("rb") as file:
            refuse_pointer(file.read(32), path)
    unreadable: dict[str, str] = {}
    try:
        schema, tables = _opened(path)
        plain = _plain_schema(schema, unreadable)
        rows = (_plain(table, plain, unreadable) for table in tables)
        part = Part.written(rows, Features.from_arrow_schema(plain))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    return part.only([name for name in plain.names if name not in unreadable]), unreadable


def _opened(path: Path) -> "tuple[pa.Schema, Iterator[pa.Table]]":
    """The columns of a file, or of a folder of them, and its rows in pieces."""
    from pyarrow import dataset, parquet

    if not path.is_file():
        folder = dataset.dataset(path, format="parquet", partitioning="hive")
        ways: dict[str, Any] = {"batch_readahead": 1, "fragment_readahead": 1}
        batches = folder.to_batches(batch_size=ROWS, use_threads=False, **ways)
        return folder.schema, map(_as_table, batches)
    file = parquet.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)
    schema = file.schema_arrow
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("two columns have one name: rename one")
    return schema, map(_as_table, file.iter_batches(batch_size=ROWS, use_threads=False))


def _as_table(batch: "pa.RecordBatch") -> "pa.Table":
    import pyarrow

    return pyarrow.Table.from_batches([batch])


def _plain_schema(schema: "pa.Schema", unreadable: dict[str, str]) -> "pa.Schema":
    """The columns without dictionaries, views and extensions; others are `unreadable`."""
    import pyarrow
    from datasets import Features

    fields: list[Any] = []
    for field in schema:
        kind = _plain_type(field.type)
        try:
            Features.from_arrow_schema(pyarrow.schema([("column", kind)]))
        except (pyarrow.ArrowException, ValueError) as error:
            unreadable[field.name] = f"{field.type}: {str(error).splitlines()[0]}"
        else:
            fields.append(pyarrow.field(field.name, kind))
    return pyarrow.schema(fields, schema.metadata)


def _plain(table: "pa.Table", plain: "pa.Schema", unreadable: dict[str, str]) -> "pa.Table":
    """The table in these types, its texts checked to be UTF-8; a bad column becomes unreadable."""
    import pyarrow

    columns: list[Any] = []
    for field in plain:
        values = table.column(field.name)
        try:
            if values.type != field.type:
                values = values.cast(field.type)
            values.validate(full=True)
        except (pyarrow.ArrowException, ValueError) as error:
            why = f"{table.schema.field(field.name).type}: {str(error).splitlines()[0]}"
            unreadable.setdefault(field.name, why)
            values = pyarrow.nulls(len(table), field.type)
        columns.append(values)
    return pyarrow.Table.from_arrays(columns, schema=plain)


def _plain_type(kind: "pa.DataType") -> "pa.DataType":
    import pyarrow
    from pyarrow import types

    if isinstance(kind, pyarrow.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if types.is_string_view(kind):
        return pyarrow.large_string()
    if types.is_binary_view(kind):
        return pyarrow.large_binary()
    if types.is_fixed_size_list(kind):
        return pyarrow.list_(_plain_type(kind.value_type), kind.list_size)
    if types.is_large_list(kind):
        return pyarrow.large_list(_plain_type(kind.value_type))
    if types.is_list(kind):
        return pyarrow.list_(_plain_type(kind.value_type))
    if types.is_struct(kind):
        return pyarrow.struct([(part.name, _plain_type(part.type)) for part in kind])
    return kind
