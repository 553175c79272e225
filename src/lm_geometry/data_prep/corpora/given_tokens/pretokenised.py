"""Data sets with a column of token ids: a folder that `datasets` saved or loads, parquet, jsonl."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora import huggingface, tables
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import listed, there
from lm_geometry.data_prep.corpora.given_tokens.rows import GivenTokens
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.models.sources import Source

if TYPE_CHECKING:
    from datasets import Dataset

IDS, MASK = "input_ids", "attention_mask"
MASKS = "mask_"  # how columns begin that are true at some of the tokens
MEANT = (  # by other names than a data set's own
    *("text", "document", "split", "context"),
    *("state", "state_before", "informed", "requested"),
)
DOCUMENTS = ("document", "dialogue_id", "dialogue_ids")
NO_TAG = -100


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per sequence; columns document, split, input_ids and those with a value a sequence.

    Lists named `mask_…` hold a truth value for each token, and those of the entry's `tags_column` a
    tag, which become `token_tags`. The data set's own `text` is `source_text`. Other lists are left
    out, and said so. Raises ValueError with the row for values that do not fit the ids.
    """
    given = GivenTokens(entry)
    for split, dataset in _splits(path, entry).items():
        there(dataset, IDS, entry)
        yield from _of_split(dataset, f"{path} {split}", split, given, entry)
        given.tell(path)


def _splits(path: Path, entry: Corpus) -> "Mapping[str, Dataset]":
    if path.is_file():
        return {"train": tables.read(path, entry).dataset()}
    source, private = Source("file", str(path)), not entry.redistribute
    return huggingface.read(source, None, path, private=private)


def _of_split(
    dataset: "Dataset", told: str, split: str, given: GivenTokens, entry: Corpus
) -> Iterator[Row]:
    names = dataset.column_names
    documents = _document_column(dataset, entry)
    tags = there(dataset, entry.tags_column, entry) if entry.tags_column else None
    masks = [name for name in names if name.startswith(MASKS)]
    used = {IDS, MASK, documents, tags, *masks}
    others = [name for name in names if name not in used and _is_scalar(dataset, name)]
    left = [name for name in names if name not in {*used, *others}]
    if left:
        print(f"{told}: left out, as not one value a sequence: {listed(left)}", flush=True)
    if MASK not in names:
        print(f"{told}: without {MASK} nothing of it is padding", flush=True)
    for number in range(len(dataset)):
        row: dict[str, Any] = dataset[number]
        where = f"{told}, row {number}"
        values: dict[str, list[Any]] = {name: _flags(row[name], where, name) for name in masks}
        if tags:
            values["token_tags"] = _tags(row[tags], dataset, tags)
        made = given.row(where, row[IDS] or [], row.get(MASK), values)
        if made is not None:
            document = str(number if documents is None else row[documents])
            own = {_renamed(name): row[name] for name in others}
            yield {**own, **made, "document": document, "split": split}


def _document_column(dataset: "Dataset", entry: Corpus) -> str | None:
    if entry.document_column:
        return there(dataset, entry.document_column, entry)
    return next((name for name in DOCUMENTS if name in dataset.column_names), None)


def _is_scalar(dataset: "Dataset", name: str) -> bool:
    kind = getattr(dataset.features[name], "dtype", "")
    return kind in ("string", "large_string", "bool") or kind.startswith(("int", "uint"))


def _renamed(name: str) -> str:
    return f"source_{name}" if name in MEANT else name


def _flags(values: Any, where: str, name: str) -> list[bool]:
    if not isinstance(values, list) or any(value not in (0, 1) for value in values):
        raise ValueError(f"{where}: {name} is not true or false for each token")
    return [bool(value) for value in values]


def _tags(values: list[Any], dataset: "Dataset", name: str) -> list[str]:
    """Tags as strings, empty at tokens without one (-100)."""
    names = getattr(getattr(dataset.features[name], "feature", None), "names", None)
    if names is None:
        return ["" if value in (None, NO_TAG) else str(value) for value in values]
    return ["" if value is None or value < 0 else names[value] for value in values]
