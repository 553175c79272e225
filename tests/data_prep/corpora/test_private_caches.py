"""What `datasets` makes of a corpus on the way: of private text, the owner's alone."""

import json
import stat
from pathlib import Path

import datasets
import pytest

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.given_tokens import pretokenised

READERS = ["huggingface", "pretokenised"]


@pytest.fixture
def shared_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of `datasets`, which others of the machine may read."""
    cache = tmp_path / "cache"
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", cache)
    return cache


def entry_of(folder: Path, reader: str, redistribute: bool) -> Corpus:
    """A corpus of a folder in hub layout that only `datasets` reads."""
    folder.mkdir()
    row = {"text": "a secret", "input_ids": [1, 2]}
    (folder / "train.json").write_text(json.dumps(row) + "\n")
    made = {"source": f"file:{folder}", "reader": reader, "redistribute": redistribute}
    tokens = {"tokenizer": "file:/nowhere"} if reader == "pretokenised" else {}
    return Corpus.model_validate({**made, **tokens})


def read(folder: Path, entry: Corpus) -> None:
    if entry.reader == "pretokenised":
        assert list(pretokenised._splits(folder, entry)) == ["train"]
    else:
        assert reading.read(entry, folder)["train"][0]["text"] == "a secret"


def copies(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*.arrow") if b"a secret" in file.read_bytes()]


@pytest.mark.parametrize("reader", READERS)
def test_copies_of_private_text_are_the_owners(
    tmp_path: Path, shared_cache: Path, private_texts: Path, reader: str
) -> None:
    read(tmp_path / "own", entry_of(tmp_path / "own", reader, redistribute=False))
    assert copies(shared_cache) == []
    assert len(copies(private_texts)) == 1
    for folder in (private_texts, private_texts / "datasets"):
        assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o700"


@pytest.mark.parametrize("reader", READERS)
def test_copies_of_text_that_may_be_passed_on_stay_where_others_find_them(
    tmp_path: Path, shared_cache: Path, private_texts: Path, reader: str
) -> None:
    read(tmp_path / "open", entry_of(tmp_path / "open", reader, redistribute=True))
    assert len(copies(shared_cache)) == 1
    assert not private_texts.exists()


def test_a_private_corpus_of_the_hub_has_its_copy_there_too(
    tmp_path: Path, private_texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def record(*_: object, **options: object) -> datasets.DatasetDict:
        asked.append(options.get("cache_dir"))
        return datasets.DatasetDict({"train": datasets.Dataset.from_dict({"text": ["a"]})})

    monkeypatch.setattr(datasets, "load_dataset", record)
    made = {"source": "hub:org/name", "reader": "huggingface"}
    for redistribute in (False, True):
        entry = Corpus.model_validate({**made, "redistribute": redistribute})
        reading.read(entry, tmp_path)
    assert asked == [str(private_texts / "datasets"), None]
