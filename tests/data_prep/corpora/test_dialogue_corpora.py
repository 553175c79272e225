"""Dialogue corpora against their published counts."""

import json
import os
from collections import Counter
from pathlib import Path

import datasets
import pytest

from lm_geometry.data_prep.corpora import convlab, reading
from lm_geometry.data_prep.corpora.catalogue import Corpus

REFERENCE = os.environ.get("LM_GEOMETRY_REFERENCE")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="LM_GEOMETRY_REFERENCE is not set: no real dialogue data"
)


def _read(path: Path, reader: str) -> dict[str, datasets.Dataset]:
    entry = Corpus.model_validate({"source": f"file:{path}", "reader": reader})
    return reading.read(entry, path)


@needs_reference
def test_dailydialog_has_its_published_counts() -> None:
    parts = _read(Path(str(REFERENCE), "data", "dailydialog", "data.zip"), "convlab")
    sizes = {split: len(set(rows["document"])) for split, rows in parts.items()}
    assert sizes == {"train": 11_118, "validation": 1_000, "test": 1_000}
    emotions = Counter(emotion for rows in parts.values() for emotion in rows["emotion"])
    assert emotions == {
        "no emotion": 85_572,
        "happiness": 12_885,
        "surprise": 1_823,
        "sadness": 1_150,
        "anger": 1_022,
        "disgust": 353,
        "fear": 174,
    }
    assert sum(emotions.values()) == 102_979
    first = parts["train"][0]
    assert first["text"] == "Say, Jim, how about going for a few beers after dinner?"
    assert (first["speaker"], first["turn"], first["split"]) == ("user", 0, "train")
    assert "state" not in first  # it has none
    # An emotion is the label, and nothing is tagged.
    assert parts["validation"]["label"] == parts["validation"]["emotion"]
    assert not {"words", "tags"} & set(parts["validation"].column_names)


@needs_reference
@pytest.mark.parametrize("name", ["multiwoz21", "sgd"])
def test_a_plain_list_of_unified_dialogues_is_read(name: str) -> None:
    path = Path(str(REFERENCE), "data", name, "unified_dummy_data.json")
    rows = _read(path, "convlab")["train"]
    dialogues = json.loads(path.read_text())
    turns = [turn for dialogue in dialogues for turn in dialogue["turns"]]
    assert len(set(rows["document"])) == len(dialogues) == 10
    assert list(rows["text"]) == [turn["utterance"] for turn in turns]
    for row, turn in zip(rows.to_list(), turns, strict=True):
        assert bool(row["state"]) == (turn["speaker"] == "user") == ("state" in turn)


@needs_reference
def test_original_multiwoz_gives_each_user_turn_the_state_after_it() -> None:
    parts = _read(Path(str(REFERENCE), "data", "multiwoz21"), "multiwoz-original")
    users = {split: Counter(rows["speaker"])["user"] for split, rows in parts.items()}
    assert users == {"validation": 7_365, "test": 7_372}
    assert {split: len(set(rows["document"])) for split, rows in parts.items()} == {
        "validation": 999,
        "test": 1_000,
    }
    first = next(row for row in parts["validation"].to_list() if row["document"] == "PMUL1635")
    assert first["text"] == "I need to book a hotel in the east that has 4 stars ."
    assert first["domains"] == "hotel train"
    assert json.loads(first["state"]) == {"hotel-area": "east", "hotel-stars": "4"}
    for rows in parts.values():
        stated = [bool(state) for state in rows["state"]]
        assert stated == [speaker == "user" for speaker in rows["speaker"]]


def test_whole_original_multiwoz_is_divided_by_its_lists(tmp_path: Path) -> None:
    heard = {"hotel": {"semi": {"area": "east", "stars": ""}, "book": {"booked": []}}}
    log = [{"text": "hi", "metadata": {}}, {"text": "hello", "metadata": heard}]
    names = ("A.json", "B.json", "C.json")
    data = {name: {"goal": {"hotel": {"info": {}}, "message": []}, "log": log} for name in names}
    (tmp_path / "data.json").write_text(json.dumps(data))
    (tmp_path / "valListFile.txt").write_text("B.json\n")
    (tmp_path / "testListFile.txt").write_text("C.json\n")
    parts = _read(tmp_path, "multiwoz-original")
    assert {split: set(rows["document"]) for split, rows in parts.items()} == {
        "train": {"A"},
        "validation": {"B"},
        "test": {"C"},
    }
    assert list(parts["train"]["state"]) == ['{"hotel-area": "east"}', ""]


@needs_reference
def test_original_sgd_has_the_dialogues_of_its_files() -> None:
    parts = _read(Path(str(REFERENCE), "data", "sgd"), "sgd-original")
    sizes = {split: (len(set(rows["document"])), len(rows)) for split, rows in parts.items()}
    assert sizes == {"train": (62, 1_202), "validation": (128, 1_732), "test": (54, 988)}
    third = parts["validation"][2]
    assert third["speaker"] == "user"
    assert json.loads(third["state"]) == {"alarm_1-new_alarm_name": "cleaning"}
    assert parts["validation"][1]["state"] == ""


def test_the_settled_label_of_several_annotators_is_the_emotion() -> None:
    assert convlab.emotion("anger") == "anger"
    assert convlab.emotion([{"a1": 3}, {"a2": 0}, {"final": 0}]) == "neutral"
    assert convlab.emotion([{"emotion": 3}, {"emotion": 6}, {"emotion": 2}]) == "dissatisfied"
    assert convlab.emotion([]) == convlab.emotion("") == ""
    assert convlab.emotion("0") == "0"  # no number of EmoWOZ
