"""From a corpus to the sequences that are studied: filter, split, choose, strip."""

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from lm_geometry.data_prep.corpora import reading, texts
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.choice import choose, keep
from lm_geometry.data_prep.corpora.columns import column, document_numbers, in_memory, table
from lm_geometry.data_prep.corpora.contexts import refuse_empty, with_contexts, without_own_contexts
from lm_geometry.data_prep.corpora.division import divide, hold_out
from lm_geometry.data_prep.corpora.tags import without_margins
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.workspace.files import whole_folder
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.progress import under_way

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset


class NothingLeftError(ValueError):
    """No sequence of a split is left."""


@dataclass(frozen=True)
class Prepared:
    """Sequences of one corpus split (columns text, document and the source's own).

    `counts` has the number of sequences after each step: read, not_empty, kept (by prefix and
    length), split, studied (those of `data_prep.keep`, where it is not `all`), chosen; and the
    chosen sequences' documents.
    """

    dataset: "Dataset"
    counts: dict[str, int]


def prepare(
    name: str,
    entry: Corpus,
    split: str,
    sequences: int | Literal["all"],
    section: DataPrep,
    downloads: Path,
) -> Prepared:
    """The sequences of one split of the corpus `name`, at most `sequences` of them.

    A corpus that was read for one split is not read again for the next. Raises
    `sources.SourceError` where the source cannot be had, and ValueError where the split does not
    exist or nothing is left of it (NothingLeftError).
    """
    found = whole_corpus(name, entry, section, downloads)
    counts = {"read": sum(map(len, found.values()))}
    not_empty = {part: rows.select(_not_empty(rows, section)) for part, rows in found.items()}
    counts["not_empty"] = sum(map(len, not_empty.values()))
    kept = {part: rows.select(_kept(rows, entry, section)) for part, rows in not_empty.items()}
    counts["kept"] = sum(map(len, kept.values()))
    selected = _of_years(divide(kept, name, entry, split, section), entry)
    counts["split"] = len(selected)
    if section.keep != "all":
        selected = keep(selected, found, name, section.keep)
        counts["studied"] = len(selected)
    if not len(selected):
        raise NothingLeftError(f"corpus {name}: nothing is left of its split {split} ({counts})")
    chosen = choose(selected, name, sequences, section)
    counts["chosen"] = len(chosen)
    _, counts["documents"] = document_numbers(chosen)
    return Prepared(_plain(chosen, entry.strip or section.strip), counts)


def save(dataset: "Dataset", folder: Path) -> None:
    """Write a prepared data set, with the same bytes for the same content, whole or not at all."""
    with whole_folder(folder) as temporary:
        dataset.save_to_disk(str(temporary))
        state = json.loads((temporary / "state.json").read_text(encoding="utf-8"))
        content = [path_hash(file) for file in sorted(temporary.glob("*.arrow"))]
        state["_fingerprint"] = "".join(content)[:16]
        text = json.dumps(state, indent=1, sort_keys=True)
        (temporary / "state.json").write_text(text + "\n", encoding="utf-8")


def whole_corpus(
    name: str, entry: Corpus, section: DataPrep, downloads: Path
) -> "dict[str, Dataset]":
    """Every row of a corpus by its own splits and those held out of them.

    Each has its context where that is asked for.
    """
    strip = entry.strip or section.strip
    parts = _read(name, entry.model_dump_json(), section.context, strip, downloads)
    return hold_out(parts, name, entry, section.split_seed)


@lru_cache(maxsize=4)
def _read(
    name: str, entry: str, context: int, strip: bool, downloads: Path
) -> "dict[str, Dataset]":
    import datasets

    # A cache file in the corpus folder would be taken for a part of the corpus.
    datasets.disable_caching()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    with under_way(f"reading {name}"):
        parts = reading.read(Corpus.model_validate_json(entry), downloads)
    if not context:  # a list of that name is the source's own, and no context of ours
        return {part: without_own_contexts(rows) for part, rows in parts.items()}
    parts = {part: with_contexts(rows, name, context, strip) for part, rows in parts.items()}
    refuse_empty(parts.values(), name, context)
    return parts


def _not_empty(dataset: "Dataset", section: DataPrep) -> np.ndarray:
    """Rows with text; the published order looks before strip, so that white space survives."""
    lengths = texts.lengths(column(dataset, "text"), stripped=section.order == "default")
    return np.flatnonzero(lengths > 0)


def _kept(dataset: "Dataset", entry: Corpus, section: DataPrep) -> np.ndarray:
    """Rows that are long enough and start with none of the blocked prefixes."""
    text = column(dataset, "text")
    lengths = texts.lengths(text, stripped=section.order == "default")
    blocked = texts.start_with(text, [*entry.drop_prefixes, *section.drop_prefixes])
    return np.flatnonzero((lengths >= section.min_characters) & ~blocked)


def _of_years(dataset: "Dataset", entry: Corpus) -> "Dataset":
    """Rows of the entry's years, chosen after the split: every speech keeps its split."""
    if entry.years is None:
        return dataset
    first, last = entry.years
    years = column(dataset, "year").to_numpy()
    return dataset.select(np.flatnonzero((first <= years) & (years <= last)))


def _plain(dataset: "Dataset", strip: bool) -> "Dataset":
    """The rows alone in memory, without the history of the data set that they come from."""
    from datasets import DatasetInfo, Features

    names = ["text", "document"]
    names += [name for name in dataset.column_names if name not in names]
    rows = table(dataset).select(names).replace_schema_metadata(None)
    if strip:
        rows = rows.set_column(0, "text", texts.stripped(rows.column("text")))
        rows = _tagged_alike(rows)
    features = Features({name: dataset.features[name] for name in names})
    return in_memory(rows, DatasetInfo(features=features))


def _tagged_alike(rows: "pa.Table") -> "pa.Table":
    """The table with words, and their tags, that still make up its stripped texts."""
    import pyarrow

    names = rows.column_names
    if not {"words", "tags"} <= set(names):
        return rows
    pairs = zip(rows.column("words").to_pylist(), rows.column("tags").to_pylist(), strict=True)
    columns = zip(*(without_margins(words, tags) for words, tags in pairs), strict=True)
    for name, values in zip(("words", "tags"), columns, strict=True):
        field = rows.field(name)
        rows = rows.set_column(names.index(name), field, pyarrow.array(values, field.type))
    return rows
