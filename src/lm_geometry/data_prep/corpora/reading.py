"""From a catalogue entry to sequences with their documents, by the reader of its format."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora import conduct, tables
from lm_geometry.data_prep.corpora.catalogue import GIVEN_TOKENS, Corpus
from lm_geometry.data_prep.corpora.columns import listed
from lm_geometry.data_prep.corpora.meanings import with_columns
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.models import sources

if TYPE_CHECKING:
    from datasets import Dataset

MODULES = {
    "small-dialogues": "small_dialogues",
    "multiwoz-original": "multiwoz",
    "sgd-original": "sgd",
    "table": "tables",
}


def read(entry: Corpus, downloads: Path) -> "dict[str, Dataset]":
    """Every split of a corpus in memory, as `parts` has it."""
    return {split: part.dataset() for split, part in parts(entry, downloads).items()}


def parts(entry: Corpus, downloads: Path) -> dict[str, Part]:
    """Every split of a corpus, `train` alone where the source has none.

    Columns: `text`, `document` (strings), then those of the source, among them what supervised
    tasks learn from where there is such: `label`, `words` and `tags` (see `labels`), those of
    dialogues (see `dialogue_columns` and `states`). Raises
    `sources.SourceError`, one sentence, where the source cannot be had, and ValueError where it
    does not hold what the entry says.
    """
    found: list[dict[str, Part]] = []
    for text in entry.sources:
        before = sum(len(rows) for own in found for rows in own.values())
        found.append(_read_one(sources.parse(text), entry, downloads, before))
    splits = dict.fromkeys(split for own in found for split in own)
    return {
        entry.rename_splits.get(split, split): _joined(
            [own[split] for own in found if split in own], entry
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
) -> dict[str, Part]:
    """The splits of one source, the first or after others that have `before` rows."""
    module = reader_of(entry)
    if entry.reader == "huggingface":
        if files := module.table_files(source, entry.config, downloads):
            return {split: _from_files(own, entry, before) for split, own in files.items()}
        private = not entry.redistribute
        found = module.read(source, entry.config, downloads, private=private)
        return {split: with_columns(Part.of(rows), entry, before) for split, rows in found.items()}
    path = sources.fetch(source, downloads)
    if entry.reader == "table":
        return {"train": with_columns(module.read(path, entry), entry, before)}
    if entry.reader == "text":
        part = module.read(path, entry, before)
        return {"train": part} if len(part) else {}
    if entry.reader == "luster":
        found = module.read(path, entry)
        named = with_columns(found, module.text_column(found, entry), before)
        return {"train": Part.of(module.with_masks(named.dataset(), entry))}
    rows = _rows(module, path, entry)
    if entry.conduct:
        labels = sources.fetch(sources.parse(entry.conduct), downloads)
        rows = list(conduct.with_conduct(rows, labels))
    return {split: Part.of(own) for split, own in _by_split(rows).items()}


def _rows(module: ModuleType, path: Path, entry: Corpus) -> list[Row]:
    """The rows that a format's module finds, or one sentence where a file is of another shape."""
    try:
        return list(module.rows(path, entry))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not of the shape that the reader {entry.reader} takes: "
            f"{type(error).__name__}: {error}"
        ) from error


def _from_files(files: list[Path], entry: Corpus, before: int) -> Part:
    found: list[Part] = []
    for file in files:
        number = before + sum(map(len, found))
        found.append(with_columns(tables.read(file, entry), entry, number))
    return _joined(found, entry)


def _joined(found: list[Part], entry: Corpus) -> Part:
    try:
        return Part.joined(found)
    except ValueError:
        kinds = [dict(part.features) for part in found]
        names = dict.fromkeys(name for own in kinds for name in own)
        unlike = [name for name in names if len({str(own.get(name)) for own in kinds}) > 1]
        raise ValueError(
            f"{entry.source}: its files hold columns of several kinds: {listed(unlike)}; give them "
            "one kind, or leave the columns out"
        ) from None


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
