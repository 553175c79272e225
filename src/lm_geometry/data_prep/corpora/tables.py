"""Files with a row per sequence: jsonl, csv, tsv, parquet."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora import delimited, json_lines
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import identity_column, in_memory, listed
from lm_geometry.data_prep.corpora.lines import format_of, refuse_pointer

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

TEXTS = ("text", "document", "label", "words", "tags")  # of a csv, where lists stand with spaces


def read(path: Path, entry: Corpus) -> "Dataset":
    """The rows of one file with all its columns, equal to what was written there.

    A column that cannot be one is left out, and said so. Raises ValueError for a format that is
    not read, a damaged file, and a column that the entry asks for and that cannot be one.
    """
    asked = {entry.column, entry.document_column, entry.label_column, entry.tags_column}
    kind = format_of(path)
    if kind in (".jsonl", ".ndjson"):
        table, unreadable = json_lines.read(path, identity_column(entry))
    elif kind in (".csv", ".tsv"):
        texts = {*TEXTS, *filter(None, asked)}
        table, unreadable = delimited.read(path, "\t" if kind == ".tsv" else ",", texts), {}
    elif path.suffix.lower() == ".parquet":
        table, unreadable = _parquet(path)
    else:
        raise ValueError(
            f"{path}: the reader table takes .jsonl, .csv and .tsv, also with .gz, .bz2, .xz and "
            ".zst, and .parquet"
        )
    for name, why in unreadable.items():
        if name in asked:
            raise ValueError(f"{path}: column {name!r} cannot be read: {why}")
        print(f"{path.name}: left out, as nobody asked for it: {listed([name])}: {why}", flush=True)
    return in_memory(table)


def _parquet(path: Path) -> tuple[Any, dict[str, str]]:
    """The table in types that `datasets` has, and why other columns have none."""
    import pyarrow
    from pyarrow import parquet

    if path.is_file():
        with path.open("rb") as file:
            refuse_pointer(file.read(32), path)
    try:
        names = parquet.read_schema(path).names if path.is_file() else []
        if len(set(names)) < len(names):
            raise ValueError("two columns have one name: rename one")
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    unreadable: dict[str, str] = {}
    for number, field in reversed(list(enumerate(table.schema))):
        try:
            values = _plain(table.column(number))
        except (pyarrow.ArrowException, ValueError) as error:
            unreadable[field.name] = f"{field.type}: {str(error).splitlines()[0]}"
            table = table.remove_column(number)
        else:
            if values.type != field.type:
                changed = pyarrow.field(field.name, values.type)
                table = table.set_column(number, changed, values)
    return table, unreadable


def _plain(values: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """A column without dictionaries, views and extensions, its texts checked to be UTF-8."""
    import pyarrow
    from datasets import Features

    kind = _plain_type(values.type)
    if kind != values.type:
        values = values.cast(kind)
    Features.from_arrow_schema(pyarrow.schema([("column", kind)]))
    values.validate(full=True)
    return values


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
