"""From a corpus to the sequences that are studied: filter, split, choose, strip."""

import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from lm_geometry.data_prep.corpora import reading, texts
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.choice import choose, keep
from lm_geometry.data_prep.corpora.contexts import refuse_empty, with_contexts, without_own_contexts
from lm_geometry.data_prep.corpora.division import divide, hold_out
from lm_geometry.data_prep.corpora.documents import document_numbers
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.tags import without_margins
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.point_cloud.shapes import Bool
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

    rows: Part
    counts: dict[str, int]

    @cached_property
    def dataset(self) -> "Dataset":
        """All of them in memory."""
        return self.rows.dataset()


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
    counts["not_empty"] = sum(int(_not_empty(part, section).sum()) for part in found.values())
    kept = {split: _kept(part, entry, section) for split, part in found.items()}
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


def whole_corpus(name: str, entry: Corpus, section: DataPrep, downloads: Path) -> dict[str, Part]:
    """Every row of a corpus by its own splits and those held out of them.

    Each has its context where that is asked for.
    """
    strip = entry.strip or section.strip
    parts = _read(name, entry.model_dump_json(), section.context, strip, downloads)
    return hold_out(parts, name, entry, section.split_seed)


@lru_cache(maxsize=4)
def _read(name: str, entry: str, context: int, strip: bool, downloads: Path) -> dict[str, Part]:
    import datasets

    # A cache file in the corpus folder would be taken for a part of the corpus.
    datasets.disable_caching()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    with under_way(f"reading {name}"):
        parts = reading.parts(Corpus.model_validate_json(entry), downloads)
    if not context:  # a list of that name is the source's own, and no context of ours
        return {split: without_own_contexts(part) for split, part in parts.items()}
    parts = {split: with_contexts(part, name, context, strip) for split, part in parts.items()}
    refuse_empty(parts.values(), name, context)
    return parts


def _not_empty(part: Part, section: DataPrep) -> Bool[np.ndarray, "rows"]:
    """Rows with text; the published order looks before strip, so that white space survives."""
    return _long(part, 1, section)


def _kept(part: Part, entry: Corpus, section: DataPrep) -> Part:
    """Rows with text that are long enough and start with none of the blocked prefixes."""
    prefixes = [*entry.drop_prefixes, *section.drop_prefixes]
    starts = partial(texts.start_with, prefixes=prefixes)
    blocked = part.values(("starts with", *prefixes), "text", starts)
    long = _long(part, max(1, section.min_characters), section)
    return part.select(np.flatnonzero(long & ~blocked))


def _long(part: Part, characters: int, section: DataPrep) -> Bool[np.ndarray, "rows"]:
    """Rows of at least so many characters."""
    stripped = section.order == "default"
    are = partial(texts.at_least, characters=characters, stripped=stripped)
    return part.values(("at least", characters, stripped), "text", are)


def _of_years(part: Part, entry: Corpus) -> Part:
    """Rows of the entry's years, chosen after the split: every speech keeps its split."""
    if entry.years is None:
        return part
    first, last = entry.years
    years = part.values("year", "year", lambda own: own.to_numpy())
    return part.select(np.flatnonzero((first <= years) & (years <= last)))


def _plain(part: Part, strip: bool) -> Part:
    """The rows with text and document first, stripped if asked for."""
    names = ["text", "document"]
    names += [name for name in part.column_names if name not in names]
    plain = part.only(names)
    return Part.written(map(_stripped, plain.tables()) if strip else plain.tables(), plain.features)


def _stripped(rows: "pa.Table") -> "pa.Table":
    field = rows.schema.field("text")
    return _tagged_alike(rows.set_column(0, field, texts.stripped(rows.column("text"))))


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
