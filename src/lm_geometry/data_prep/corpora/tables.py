"""Files with a row per sequence: jsonl, csv, tsv, parquet."""

from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import in_memory

if TYPE_CHECKING:
    from datasets import Dataset

STRINGS = ("label", "words", "tags")  # of a csv; lists stand there with spaces between
LARGEST_BLOCK = 2**31 - 1  # bytes: a row of JSON must lie within one block


def read(path: Path, entry: Corpus) -> "Dataset":
    """The rows of one file with all its columns; gzip and bzip2 are unpacked.

    Raises ValueError for another format or a damaged file.
    """
    import pyarrow
    from pyarrow import ArrowInvalid, csv, json, parquet

    suffix = [part for part in path.suffixes if part not in (".gz", ".bz2")][-1].lower()
    try:
        if suffix == ".jsonl":
            options = json.ReadOptions(block_size=min(_unpacked(path), LARGEST_BLOCK))
            table = json.read_json(path, read_options=options)
        elif suffix in (".csv", ".tsv"):
            form = csv.ParseOptions(
                delimiter="\t" if suffix == ".tsv" else ",", newlines_in_values=True
            )
            asked = (entry.column, entry.document_column, entry.label_column, entry.tags_column)
            text = {name: pyarrow.string() for name in (*asked, *STRINGS) if name}
            kinds = csv.ConvertOptions(column_types=text)
            table = csv.read_csv(path, parse_options=form, convert_options=kinds)
        elif suffix == ".parquet":
            table = parquet.read_table(path)
        else:
            raise ValueError(f"{path}: the reader table takes .jsonl, .csv, .tsv and .parquet")
    except ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    return in_memory(table)


def _unpacked(path: Path) -> int:
    """An upper estimate of a file's size in bytes once it is unpacked."""
    return max(path.stat().st_size, 1) * (50 if path.suffix in (".gz", ".bz2") else 1)
