"""From a catalogue entry to sequences with their documents, by the reader of its format."""

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora import conduct, tables
from lm_geometry.data_prep.corpora.catalogue import GIVEN_TOKENS, Corpus
from lm_geometry.data_prep.corpora.columns import listed, set_aside, with_text_and_document
from lm_geometry.data_prep.corpora.dialogue_columns import with_dialogue_columns
from lm_geometry.data_prep.corpora.labels import with_labels
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.models import sources

if TYPE_CHECKING:
    from datasets import Dataset

GIVEN = re.compile(r"input_ids|token_tags|mask_.*")  # columns of given tokens
MODULES = {
    "small-dialogues": "small_dialogues",
    "multiwoz-original": "multiwoz",
    "sgd-original": "sgd",
    "table": "tables",
}


def read(entry: Corpus, downloads: Path) -> "dict[str, Dataset]":
    """Every split of a corpus, `train` alone where the source has none.

    Columns: `text`, `document` (strings), then those of the source, among them what supervised
    tasks learn from where there is such: `label`, `words` and `tags` (see `labels`), those of
    dialogues (see `dialogue_columns` and `states`). Raises
    `sources.SourceError`, one sentence, where the source cannot be had, and ValueError where it
    does not hold what the entry says.
    """
    parts: list[dict[str, Dataset]] = []
    for text in entry.sources:
        before = sum(len(rows) for part in parts for rows in part.values())
        parts.append(_read_one(sources.parse(text), entry, downloads, before))
    splits = dict.fromkeys(split for part in parts for split in part)
    return {
        entry.rename_splits.get(split, split): _joined(
            [part[split] for part in parts if split in part], entry
        )
        for split in splits
    }


def reader_of(entry: Corpus) -> ModuleType:
    """The module of the corpus's format: `rows` or `read`, and `ontology` where it has states."""
    if entry.reader in GIVEN_TOKENS:
        name = entry.reader.replace("-", "_")
        return importlib.import_module(f"lm_geometry.data_prep.corpora.given_tokens.{name}")
    name = MODULES.get(entry.reader, entry.reader)
    return importlib.import_module(f"lm_geometry.data_prep.corpora.{name}")


def _read_one(
    source: sources.Source, entry: Corpus, downloads: Path, before: int
) -> "dict[str, Dataset]":
    """The splits of one source, the first or after others that have `before` rows."""
    module = reader_of(entry)
    if entry.reader == "huggingface":
        if files := module.table_files(source, entry.config, downloads):
            return {split: _from_files(own, entry, before) for split, own in files.items()}
        found = module.read(source, entry.config, downloads)
        return {split: _with_columns(rows, entry, before) for split, rows in found.items()}
    path = sources.fetch(source, downloads)
    if entry.reader == "table":
        return {"train": _with_columns(module.read(path, entry), entry, before)}
    if entry.reader == "luster":
        found = module.read(path, entry)
        named = _with_columns(found, module.text_column(found, entry), before)
        return {"train": module.with_masks(named, entry)}
    rows = _rows(module, path, entry)
    if entry.conduct:
        labels = sources.fetch(sources.parse(entry.conduct), downloads)
        rows = list(conduct.with_conduct(rows, labels))
    if entry.reader == "text" and before:  # files of several sources may share names
        rows = [{**row, "document": f"{before}-{row['document']}"} for row in rows]
    return _by_split(rows)


def _rows(module: ModuleType, path: Path, entry: Corpus) -> list[Row]:
    """The rows that a format's module finds, or one sentence where a file is of another shape."""
    try:
        return list(module.rows(path, entry))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not of the shape that the reader {entry.reader} takes: "
            f"{type(error).__name__}: {error}"
        ) from error


def _from_files(files: list[Path], entry: Corpus, before: int) -> "Dataset":
    parts: list[Dataset] = []
    for file in files:
        number = before + sum(map(len, parts))
        parts.append(_with_columns(tables.read(file, entry), entry, number))
    return _joined(parts, entry)


def _joined(parts: "list[Dataset]", entry: Corpus) -> "Dataset":
    from datasets import concatenate_datasets

    try:
        return concatenate_datasets(parts)
    except ValueError:
        kinds = [dict(part.features) for part in parts]
        names = dict.fromkeys(name for own in kinds for name in own)
        unlike = [name for name in names if len({str(own.get(name)) for own in kinds}) > 1]
        raise ValueError(
            f"{entry.source}: its files hold columns of several kinds: {listed(unlike)}; give them "
            "one kind, or leave the columns out"
        ) from None


def _with_columns(dataset: "Dataset", entry: Corpus, before: int) -> "Dataset":
    named = with_text_and_document(_of_texts(dataset), entry, before)
    return with_dialogue_columns(with_labels(named, entry))


def _of_texts(dataset: "Dataset") -> "Dataset":
    """The data set without columns that would mean given tokens to later stages.

    Ids and masks beside a text may be of any tokenizer; the reader `pretokenised` is for them.
    """
    from pyarrow import types

    fields = dataset.features.arrow_schema
    lists = [f.name for f in fields if types.is_list(f.type) or types.is_large_list(f.type)]
    return set_aside(dataset, [name for name in lists if GIVEN.fullmatch(name)])


def _by_split(rows: list[Row]) -> "dict[str, Dataset]":
    """Rows by their column `split`; columns that are empty in every row are left out.

    So are words with their tags where nothing is tagged.
    """
    from datasets import Dataset

    names = [name for name in rows[0] if any(row[name] != "" for row in rows)] if rows else []
    if not any(tag != "O" for row in rows for tag in row.get("tags", [])):
        names = [name for name in names if name not in ("words", "tags")]
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.get("split", "train"), []).append(row)
    return {
        split: Dataset.from_dict({name: [row[name] for row in part] for name in names})
        for split, part in parts.items()
    }
