"""Which rows are kept and drawn, and documents that a catalogue entry holds out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.choice import choose
from lm_geometry.data_prep.corpora.data_sets import in_memory
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.preparation import NothingLeftError, Prepared, prepare
from lm_geometry.data_prep.params import DataPrep, Prompts
from lm_geometry.data_prep.prompts.texts import texts_of


def _dialogues(sizes: list[int], split: str = "train") -> list[dict[str, Any]]:
    """A row per turn; every third turn of each dialogue is labelled."""
    return [
        {
            "utterance": f"{split} {number}, {turn}",
            "speaker": "system" if turn % 2 else "user",
            "utt_idx": turn,
            "emotion": "" if turn % 3 else "joy",
            "dialogue": f"{split}-{number}",
        }
        for number, size in enumerate(sizes)
        for turn in range(size)
    ]


def _corpus(folder: Path, parts: dict[str, list[int]], **options: object) -> Corpus:
    dialogues: dict[str, Any] = {}
    for split, sizes in parts.items():
        for turn in _dialogues(sizes, split):
            name = turn.pop("dialogue")
            told = {"dialogue_id": name, "original_id": name, "data_split": split, "domains": []}
            dialogues.setdefault(name, told | {"turns": []})["turns"].append(turn)
    path = folder / f"{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(list(dialogues.values())))
    return Corpus.model_validate({"source": f"file:{path}", "reader": "convlab", **options})


def _prepare(
    entry: Corpus, split: str = "train", sequences: int | str = "all", **values: object
) -> Prepared:
    section = DataPrep.model_validate({"choose": "take_first", **values})
    return prepare("example", entry, split, sequences, section, Path())  # pyright: ignore[reportArgumentType]


# --- rows that are studied ---------------------------------------------------------------------


def test_only_the_rows_asked_for_are_studied_and_the_others_counted(tmp_path: Path) -> None:
    entry = _corpus(tmp_path, {"train": [6, 3, 4], "test": [5]})
    users = _prepare(entry, keep={"speaker": "user"})
    assert set(users.dataset["speaker"]) == {"user"}
    assert users.counts == {
        "read": 18,
        "not_empty": 18,
        "kept": 18,
        "split": 13,
        "studied": 3 + 2 + 2,
        "chosen": 7,
        "documents": 3,
    }
    labelled = _prepare(entry, keep="labelled")
    assert [int(text.split()[-1]) for text in labelled.dataset["text"]] == [0, 3, 0, 0, 3]
    assert set(labelled.dataset["label"]) == {"joy"}
    assert "studied" not in _prepare(entry).counts


def test_rows_that_a_corpus_does_not_tell_apart_are_refused(tmp_path: Path) -> None:
    entry = _corpus(tmp_path, {"train": [1, 1], "test": [4]})
    told = r"keep: \{speaker: robot\}: nobody in corpus example is called so, only system, user"
    with pytest.raises(ValueError, match=told):
        _prepare(entry, keep={"speaker": "robot"})
    # The corpus has systems, but none in this split.
    with pytest.raises(NothingLeftError, match="nothing is left of its split train"):
        _prepare(entry, keep={"speaker": "system"})
    path = tmp_path / "plain.jsonl"
    path.write_text('{"text": "x"}\n' * 8)
    plain = Corpus.model_validate({"source": f"file:{path}", "reader": "table"})
    for keep, wanted in (("labelled", "label"), ({"speaker": "user"}, "speaker")):
        with pytest.raises(ValueError, match=f"corpus example has no column {wanted}: all"):
            _prepare(plain, keep=keep)


# --- whole documents ---------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
    st.integers(1, 60),
    st.integers(0, 3),
    st.randoms(),
)
def test_whole_documents_are_whole_in_order_and_nested(
    sizes: list[int], number: int, seed: int, mixed: Any
) -> None:
    pairs = [(f"d{name}", turn) for name, size in enumerate(sizes) for turn in range(size)]
    mixed.shuffle(pairs)
    columns = {"document": [name for name, _ in pairs], "turn": [turn for _, turn in pairs]}
    part = Part.of(in_memory(pyarrow.table({"text": ["x"] * len(pairs), **columns})))
    section = DataPrep.model_validate({"choose": "whole_documents", "seed": seed})
    everything = choose(part, "example", "all", section).table().to_pylist()
    assert len(everything) == len(pairs)
    order = list(dict.fromkeys(row["document"] for row in everything))
    ends = np.cumsum([sizes[int(name[1:])] for name in order])
    wanted = [(name, turn) for name in order for turn in range(sizes[int(name[1:])])]
    assert [(row["document"], row["turn"]) for row in everything] == wanted
    if number < ends[0]:
        with pytest.raises(ValueError, match=f"first document of corpus example has {ends[0]} seq"):
            choose(part, "example", number, section)
        return
    chosen = choose(part, "example", number, section).table().to_pylist()
    assert chosen == everything[: max(end for end in ends if end <= number)]


def test_the_measured_dialogues_are_among_those_trained_on(tmp_path: Path) -> None:
    entry = _corpus(tmp_path, {"train": [2 + i % 5 for i in range(40)], "test": [2]})
    asked: dict[str, Any] = {"choose": "whole_documents", "keep": {"speaker": "user"}, "context": 2}
    large = list(_prepare(entry, "train", 50, **asked).dataset["text"])
    small = list(_prepare(entry, "train", 20, **asked).dataset["text"])
    assert 20 - 3 < len(small) <= 20
    assert small == large[: len(small)]
    assert (
        small != list(_prepare(entry, "train", 20, **asked, seed=1).dataset["text"])[: len(small)]
    )


# --- documents held out ------------------------------------------------------------------------


def test_documents_of_a_split_are_held_out_whatever_is_filtered(tmp_path: Path) -> None:
    held = {"validation": {"of": "train", "documents": 4}}
    options = {"splits": "native", "rename_splits": {"test": "train"}, "hold_out": held}
    entry = _corpus(tmp_path, {"test": [1 + i % 4 for i in range(20)], "extra": [3]}, **options)

    def documents(split: str, **values: object) -> set[str]:
        return set(_prepare(entry, split, **values).dataset["document"])

    assert len(documents("validation")) == 4
    assert documents("validation") | documents("train") == {f"test-{i}" for i in range(20)}
    assert not documents("validation") & documents("train")
    assert documents("validation") != documents("validation", split_seed=1)
    longer = documents("validation", min_characters=len("test 10, 0"))
    assert longer == {name for name in documents("validation") if len(name) == len("test-10")}
    with pytest.raises(ValueError, match="has no split 'test', only train, extra, validation"):
        documents("test")
    # Prompts are taken from the same documents, whatever rows are studied.
    for split in ("train", "validation"):
        prompts = Prompts.model_validate({"corpus": "example", "split": split})
        section = DataPrep.model_validate({"keep": {"speaker": "system"}, "context": 2})
        texts = texts_of("example", entry, prompts, section, tmp_path)
        assert set(texts["document"]) == documents(split)


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"test": {"of": "train", "documents": 1}}, "makes the split test, which its source has"),
        ({"validation": {"of": "dev", "documents": 1}}, "from dev, and its source has only train"),
        ({"validation": {"of": "train", "documents": 3}}, "3 documents cannot be held out"),
    ],
)
def test_parts_that_cannot_be_held_out_are_refused(
    held: dict[str, Any], told: str, tmp_path: Path
) -> None:
    entry = _corpus(tmp_path, {"train": [1, 2, 3], "test": [1]}, hold_out=held)
    with pytest.raises(ValueError, match=told):
        _prepare(entry)


def test_proportions_and_held_out_documents_are_not_given_together() -> None:
    held = {"validation": {"of": "train", "documents": 3}}
    with pytest.raises(ValueError, match="give one of them"):
        Corpus.model_validate(
            {"source": "file:x", "reader": "text", "splits": "proportions", "hold_out": held}
        )
