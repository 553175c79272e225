"""From a corpus to the sequences that are studied: filter, split, choose, strip."""

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lm_geometry import corpora
from lm_geometry.corpora import division
from lm_geometry.params.corpora import Corpus
from lm_geometry.params.data_prep import DataPrep
from lm_geometry.seeds import stream
from lm_geometry.store.files import whole_folder
from lm_geometry.store.hashes import path_hash

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


@dataclass(frozen=True)
class Prepared:
    """Sequences of one corpus split (columns text, document and the source's own).

    `counts` has the number of sequences after each step: read, not_empty, kept (by prefix and
    length), split, chosen; and the chosen sequences' documents.
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
    exist or nothing is left of it.
    """
    found = _read(entry.model_dump_json(), downloads)
    counts = {"read": sum(map(len, found.values()))}
    not_empty = {part: found[part].select(_not_empty(found[part], section)) for part in found}
    counts["not_empty"] = sum(map(len, not_empty.values()))
    kept = {part: rows.select(_kept(rows, entry, section)) for part, rows in not_empty.items()}
    counts["kept"] = sum(map(len, kept.values()))
    selected = _of_years(division.divide(kept, name, entry, split, section), entry)
    counts["split"] = len(selected)
    if not len(selected):
        raise ValueError(f"corpus {name}: nothing is left of its split {split} ({counts})")
    chosen = _choose(selected, sequences, section)
    counts["chosen"] = len(chosen)
    counts["documents"] = len(set(chosen["document"]))
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


@lru_cache(maxsize=4)
def _read(entry: str, downloads: Path) -> "DatasetDict":
    import datasets

    # A cache file in the corpus folder would be taken for a part of the corpus.
    datasets.disable_caching()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return corpora.read(Corpus.model_validate_json(entry), downloads)


def _not_empty(dataset: "Dataset", section: DataPrep) -> np.ndarray:
    """Rows with text; the published order looks before strip, so that white space survives."""
    import pyarrow.compute as pc

    text = pc.fill_null(_texts(dataset), "")
    return _where(pc.greater(_length(text, stripped=section.order == "default"), 0))


def _kept(dataset: "Dataset", entry: Corpus, section: DataPrep) -> np.ndarray:
    """Rows that are long enough and start with none of the blocked prefixes."""
    import pyarrow.compute as pc

    text = _texts(dataset)
    length = _length(text, stripped=section.order == "default")
    keep = pc.greater_equal(length, section.min_characters)
    for prefix in [*entry.drop_prefixes, *section.drop_prefixes]:
        keep = pc.and_(keep, pc.invert(pc.starts_with(text, pattern=prefix)))
    return _where(keep)


def _of_years(dataset: "Dataset", entry: Corpus) -> "Dataset":
    """Rows of the entry's years, chosen after the split: every speech keeps its split."""
    if entry.years is None:
        return dataset
    years = np.asarray(dataset["year"])
    return dataset.select(np.flatnonzero((entry.years[0] <= years) & (years <= entry.years[1])))


def _choose(dataset: "Dataset", sequences: int | Literal["all"], section: DataPrep) -> "Dataset":
    number = len(dataset) if sequences == "all" else min(sequences, len(dataset))
    if section.choose == "random":
        dataset = dataset.shuffle(seed=section.seed)
    elif section.choose == "by_document":
        return dataset.select(_by_document(dataset["document"], section.seed)[:number])
    return dataset.select(range(number))


def _by_document(documents: list[str], seed: int) -> np.ndarray:
    """Row numbers: one of each document, then a second of each, …, both in seeded order."""
    names, document = np.unique(np.asarray(documents), return_inverse=True)
    turn = stream(seed, "order of documents").permutation(len(names))[document]
    shuffled = stream(seed, "order of sequences").permutation(len(document))
    by_turn = shuffled[np.argsort(turn[shuffled], kind="stable")]
    first = np.searchsorted(turn[by_turn], turn[by_turn])
    occurrence = np.arange(len(by_turn)) - first
    return by_turn[np.lexsort((turn[by_turn], occurrence))]


def _plain(dataset: "Dataset", strip: bool) -> "Dataset":
    """The rows alone in memory, without the history of the data set that they come from."""
    import pyarrow.compute as pc
    from datasets import Dataset, DatasetInfo
    from datasets.table import InMemoryTable

    table = dataset.with_format("arrow")[:]
    if strip:
        where = table.column_names.index("text")
        table = table.set_column(where, "text", pc.utf8_trim_whitespace(table["text"]))
    names = ["text", "document"]
    names += [name for name in table.column_names if name not in names]
    features = dataset.features.copy()
    info = DatasetInfo(features=type(features)({name: features[name] for name in names}))
    table = table.select(names).replace_schema_metadata(None).combine_chunks()
    return Dataset(InMemoryTable(table), info=info)


def _texts(dataset: "Dataset") -> Any:
    return dataset.select_columns(["text"]).with_format("arrow")[:].column("text")


def _length(text: Any, stripped: bool) -> Any:
    import pyarrow.compute as pc

    return pc.utf8_length(pc.utf8_trim_whitespace(text) if stripped else text)


def _where(mask: Any) -> np.ndarray:
    return np.flatnonzero(np.asarray(mask))
