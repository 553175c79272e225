"""Data preparation: filters, splits by document, the draw, and identical bytes."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import datasets
import numpy as np
import pyarrow
import pytest
from pydantic import ValidationError

from lm_geometry.data_prep.corpora import reading, texts
from lm_geometry.data_prep.corpora.catalogue import Corpus, read_corpora
from lm_geometry.data_prep.corpora.choice import by_document
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.preparation import Prepared, prepare
from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.models import sources
from lm_geometry.workspace import machine
from lm_geometry.workspace.hashes import path_hash


def _section(**values: object) -> DataPrep:
    return DataPrep.model_validate(values)


def _corpus(folder: Path, rows: Mapping[str, object], **options: object) -> Corpus:
    """An entry for a table in a file of its own."""
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    datasets.Dataset.from_dict(dict(rows)).to_parquet(path)
    return Corpus.model_validate({"source": f"file:{path}", "reader": "table", **options})


def _prepare(
    entry: Corpus, split: str = "train", sequences: int | str = "all", **values: object
) -> Prepared:
    return prepare("example", entry, split, sequences, _section(**values), Path())  # pyright: ignore[reportArgumentType]


def _articles(folder: Path, sizes: list[int], **options: object) -> Corpus:
    """A corpus whose document `i` has `sizes[i]` sequences."""
    names = [(document, row) for document, size in enumerate(sizes) for row in range(size)]
    rows = {
        "text": [f"sequence {row} of {document}" for document, row in names],
        "page": [f"page-{document}" for document, _ in names],
    }
    return _corpus(folder, rows, document_column="page", **options)


# --- filters -----------------------------------------------------------------------------------


def test_short_and_blocked_sequences_are_dropped(tmp_path: Path) -> None:
    lines = ["See also", "short  ", "long enough", "= head =", "  padded   ", "as it should be"]
    entry = _corpus(tmp_path, {"text": lines}, drop_prefixes=["= "])
    prepared = _prepare(
        entry,
        order="default",
        min_characters=6,
        drop_prefixes=["See"],
        choose="take_first",
        proportions={"train": 0.4, "validation": 0.3, "test": 0.3},
    )
    assert prepared.counts["kept"] == 3
    split = {"train": 0.98, "validation": 0.01, "test": 0.01}
    with pytest.raises(ValueError, match="its 2 documents cannot make three splits"):
        _prepare(entry, min_characters=7, drop_prefixes=["See"], proportions=split)


@pytest.mark.parametrize(("own", "asked", "text"), [(False, False, " a "), (True, False, "a")])
def test_the_entry_can_ask_for_strip(own: bool, asked: bool, text: str, tmp_path: Path) -> None:
    entry = _corpus(tmp_path, {"text": [" a "] * 3}, strip=own)
    assert set(_prepare(entry, strip=asked).dataset["text"]) == {text}


def test_arrow_strips_what_python_strips() -> None:
    everything = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    padded = [f"{letter}a{letter}" for letter in everything]
    array = pyarrow.chunked_array([padded])
    assert texts.stripped(array).to_pylist() == [text.strip() for text in padded]
    lengths = texts.lengths(array, stripped=True)
    assert lengths.tolist() == [len(text.strip()) for text in padded]


# --- splits ------------------------------------------------------------------------------------


def test_a_document_is_in_one_split_only(tmp_path: Path) -> None:
    sizes = [1 + document % 7 for document in range(40)]
    entry = _articles(tmp_path, sizes)
    shares = {"train": 0.5, "validation": 0.3, "test": 0.2}
    parts = {
        split: _prepare(entry, split, choose="take_first", proportions=shares).dataset
        for split in ("train", "validation", "test")
    }
    documents = {split: set(rows["document"]) for split, rows in parts.items()}
    assert [len(names) for names in documents.values()] == [20, 12, 8]
    assert len(set.union(*documents.values())) == 40
    assert sum(map(len, parts.values())) == sum(sizes)
    other = _prepare(entry, "test", proportions=shares, split_seed=1).dataset
    assert set(other["document"]) != documents["test"]


def test_a_speech_keeps_its_split_whatever_years_are_asked_for() -> None:
    catalogue = read_corpora()
    section = _section(choose="take_first")
    try:
        found = {
            (name, split): prepare(
                name, catalogue[name], split, "all", section, machine.downloads()
            ).dataset
            for name in ("speeches", "early-speeches")
            for split in ("train", "validation", "test")
        }
    except sources.SourceError as error:
        pytest.skip(str(error))
    early = set()
    for split in ("train", "validation", "test"):
        whole, part = found["speeches", split], found["early-speeches", split]
        assert set(part["document"]) < set(whole["document"])
        assert part["year"][0] >= 1790
        assert max(part["year"]) <= 1860
        early |= set(part["document"])
    assert len(early) == 72


def test_own_splits_stay_and_dev_is_validation(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_dict({"text": ["a", "b"]})
    datasets.DatasetDict({"train": rows, "dev": rows}).save_to_disk(tmp_path / "both")
    source = {"source": f"file:{tmp_path / 'both'}", "reader": "huggingface"}
    entry = Corpus.model_validate(source)
    assert _prepare(entry, "validation").counts["split"] == 2
    assert _prepare(entry, "dev").counts["read"] == 4
    with pytest.raises(ValueError, match="example has no split 'test', only train, dev"):
        _prepare(entry, "test")
    renamed = Corpus.model_validate({**source, "rename_splits": {"dev": "test"}})
    assert set(_prepare(renamed, "test").dataset["text"]) == {"a", "b"}


# --- the draw ----------------------------------------------------------------------------------


def test_by_document_takes_one_of_each_in_turn(tmp_path: Path) -> None:
    sizes = [1, 2, 5, 9, 30, 3, 4]
    entry = _articles(tmp_path, sizes)
    document = np.repeat(np.arange(len(sizes)), sizes)
    order = by_document(document, len(sizes), seed=3)
    assert sorted(order) == list(range(sum(sizes)))
    for taken in range(1, sum(sizes) + 1):
        counts = np.bincount(document[order[:taken]], minlength=len(sizes))
        # A document lags behind the fullest by more than one only when it has no more.
        assert all(
            count == size or count >= counts.max() - 1
            for count, size in zip(counts, sizes, strict=True)
        )
    first = document[order[: len(sizes)]]
    assert not np.array_equal(first, np.sort(first))
    assert not np.array_equal(order, by_document(document, len(sizes), seed=4))
    five = _prepare(entry, "train", 5, choose="by_document")
    assert five.counts["documents"] == 5


def test_draws_depend_on_the_seed_and_larger_ones_hold_the_smaller(tmp_path: Path) -> None:
    entry = _articles(tmp_path, [3] * 60)
    for choose in ("random", "by_document"):
        few = list(_prepare(entry, "train", 20, choose=choose).dataset["text"])
        more = list(_prepare(entry, "train", 50, choose=choose).dataset["text"])
        other = list(_prepare(entry, "train", 20, choose=choose, seed=1).dataset["text"])
        assert more[:20] == few
        assert few != other
    first = list(_prepare(entry, "train", 20, choose="take_first").dataset["text"])
    everything = list(_prepare(entry, "train", choose="take_first").dataset["text"])
    assert everything[:20] == first


def test_fewer_than_asked_for_are_counted(tmp_path: Path) -> None:
    prepared = _prepare(_articles(tmp_path, [2] * 10), "test", 1000)
    assert prepared.counts["chosen"] == prepared.counts["split"] == len(prepared.dataset) == 2


def test_a_corpus_is_read_once_for_its_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[str] = Counter()
    parts = reading.parts

    def counted(entry: Corpus, downloads: Path) -> dict[str, Part]:
        reads[entry.sources[0]] += 1
        return parts(entry, downloads)

    monkeypatch.setattr(reading, "parts", counted)
    entry, other = _articles(tmp_path, [2] * 10), _articles(tmp_path, [1] * 10)
    for split in ("train", "validation", "test"):
        _prepare(entry, split)
        _prepare(other, split)
    assert sorted(reads.values()) == [1, 1]


# --- bytes -------------------------------------------------------------------------------------

SAVE = """
import sys
from pathlib import Path
from lm_geometry.data_prep.corpora.preparation import prepare
from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.params import DataPrep
for entry, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    corpus, section = Corpus.model_validate_json(entry), DataPrep.model_validate({})
    save(prepare("example", corpus, "train", 1500, section, Path()).dataset, Path(folder))
"""


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    entry = _articles(tmp_path, [50] * 60)
    save(_prepare(entry, "train", 1500).dataset, tmp_path / "here")
    # The same rows out of another storage format, in another process.
    rows = datasets.Dataset.from_parquet(entry.sources[0].removeprefix("file:"))
    rows.save_to_disk(tmp_path / "saved", num_shards=3)  # pyright: ignore[reportAttributeAccessIssue]
    other = Corpus.model_validate(
        {
            "source": f"file:{tmp_path / 'saved'}",
            "reader": "huggingface",
            "document_column": "page",
        }
    )
    arguments = [entry.model_dump_json(), str(tmp_path / "again")]
    arguments += [other.model_dump_json(), str(tmp_path / "elsewhere")]
    environment = {"PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SAVE, *arguments]
    subprocess.run(command, env={**os.environ, **environment}, check=True)
    assert path_hash(tmp_path / "here") == path_hash(tmp_path / "again")
    assert path_hash(tmp_path / "here") == path_hash(tmp_path / "elsewhere")
    files = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert files == ["data-00000-of-00001.arrow", "dataset_info.json", "state.json"]
    loaded = datasets.Dataset.load_from_disk(str(tmp_path / "here"))
    assert loaded.column_names == ["text", "document"]
    assert len(loaded) == 1500
    save(_prepare(entry, "train", 1499).dataset, tmp_path / "here")
    shorter = datasets.Dataset.load_from_disk(str(tmp_path / "here"))
    assert len(shorter) == 1499
    assert shorter._fingerprint != loaded._fingerprint


# --- the section -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sequences": 0}, "sequences: 0 must be 1 or more, or all"),
        ({"train_sequences": -1}, "train_sequences: -1 must be"),
        ({"sequences": "most"}, "should be 'all'"),
        ({"splits": ["valid"]}, "should be 'train', 'validation', 'test', 'dev' or 'all'"),
        ({"splits": []}, "at least 1 item"),
        (
            {"choose": "last"},
            "should be 'random', 'take_first', 'by_document' or 'whole_documents'",
        ),
        ({"drop_prefixes": [""]}, "'' is the start of every sequence"),
        (
            {"proportions": {"train": 0.8, "validation": 0.1, "test": 0.2}},
            r"must be 1, not 1\.1",
        ),
        ({"context": -1}, "greater than or equal to 0"),
        ({"keep": "labeled"}, "should be 'all' or 'labelled'"),
        ({"keep": {"speakers": "user"}}, "(?s)keep.*speaker"),
        ({"min_characters": -1}, "greater than or equal to 0"),
    ],
)
def test_a_wrong_section_says_what_would_be_right(values: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        _section(**values)
