"""EmoWOZ: emotions of users by their names, and the system's conduct joined to MultiWOZ."""

import json
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus, read_corpora
from lm_geometry.data_prep.corpora.preparation import prepare
from lm_geometry.data_prep.params import DataPrep

REFERENCE = os.environ.get("LM_GEOMETRY_REFERENCE")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="LM_GEOMETRY_REFERENCE is not set: no real dialogue data"
)
EMOTIONS = ["neutral", "fearful", "dissatisfied", "apologetic", "abusive", "excited", "satisfied"]


def test_emowoz_has_every_split_and_names_for_its_labels(tmp_path: Path) -> None:
    def turn(number: int, speaker: str, *notes: int) -> dict[str, Any]:
        emotion = [{"annotator_id": str(i), "emotion": note} for i, note in enumerate(notes)]
        told = {"speaker": speaker, "utt_idx": number, "utterance": f"{speaker} {number}"}
        return {**told, "emotion": emotion} if notes else {**told, "emotion": []}

    dialogues = [
        {
            "dialogue_id": f"emowoz-{split}-0",
            "original_id": "A.json",
            "data_split": split,
            "domains": ["hotel"],
            "turns": [
                line
                for number in range(7)
                for line in (
                    turn(2 * number, "user", 0, 6, 1, number),  # the last note is the settled one
                    turn(2 * number + 1, "system"),
                )
            ],
        }
        for split in ("train", "validation", "test")
    ]
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("data/dialogues.json", json.dumps(dialogues))
    local = read_corpora()["emowoz-local"]
    entry = local.model_copy(update={"source": f"file:{tmp_path / 'data.zip'}"})
    for split in ("train", "validation", "test"):
        section = DataPrep.model_validate({"choose": "take_first", "keep": "labelled"})
        prepared = prepare("emowoz", entry, split, "all", section, tmp_path)
        assert prepared.counts["split"] == 14
        assert list(prepared.dataset["label"]) == EMOTIONS
        assert set(prepared.dataset["speaker"]) == {"user"}


def _with_conduct(folder: Path, labels: object) -> dict[str, datasets.Dataset]:
    log = [{"text": str(i), "metadata": {}} for i in range(6)]
    data = {name: {"goal": {}, "log": log} for name in ("A.json", "B.json")}
    (folder / "val.json").write_text(json.dumps({"A.json": data["A.json"]}))
    (folder / "test.json").write_text(json.dumps({"B.json": data["B.json"]}))
    (folder / "labels").write_text(json.dumps(labels))
    sources = {"source": f"file:{folder}", "conduct": f"file:{folder / 'labels'}"}
    entry = Corpus.model_validate({**sources, "reader": "multiwoz-original"})
    return reading.read(entry, folder)


def test_conduct_is_the_label_of_the_turn_that_its_key_names(tmp_path: Path) -> None:
    given = {"A.json-1": 0, "A.json-3": 4, "B.json-1": 2, "B.json-5": 1, "C.json-1": 3}
    parts = _with_conduct(tmp_path, given)
    assert list(parts["validation"]["label"]) == ["", "neutral", "", "appreciative", "", ""]
    assert list(parts["test"]["label"]) == ["", "apologetic", "", "", "", "compassionate"]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"C.json-1": 0}, "labels no turn of these dialogues: .* 'C.json-1', .* 'A.json-0'"),
        ({}, "labels no turn of these dialogues"),
        ({"A.json-1": 5}, r"is not EmoWOZ 2\.0: .* a class, 0 to 4"),
        ([0, 1], r"is not EmoWOZ 2\.0"),
    ],
)
def test_labels_of_other_dialogues_are_refused(labels: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=told):
        _with_conduct(tmp_path, labels)


def test_conduct_is_that_of_original_multiwoz_alone() -> None:
    with pytest.raises(ValueError, match="conduct is for the reader multiwoz-original"):
        Corpus.model_validate({"source": "file:x", "reader": "convlab", "conduct": "file:y"})


@pytest.mark.slow
@needs_reference
def test_real_conduct_has_its_published_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_GEOMETRY_DATA", str(Path(str(REFERENCE), "data")))
    entry = read_corpora()["multiwoz21-conduct"]
    section = DataPrep.model_validate({"choose": "take_first", "keep": "labelled", "context": 2})
    counts, documents = Counter[str](), dict[str, int]()
    for split in ("train", "validation", "test"):
        prepared = prepare("conduct", entry, split, "all", section, Path())
        documents[split] = prepared.counts["documents"]
        assert set(prepared.dataset["speaker"]) == {"system"}
        assert min(map(len, prepared.dataset["context"])) == 1
        if split != "test":
            counts.update(prepared.dataset["label"])
    assert documents == {"train": 899, "validation": 100, "test": 1_000}
    assert counts == {
        "neutral": 5_360,
        "compassionate": 1,
        "apologetic": 305,
        "enthusiastic": 716,
        "appreciative": 983,
    }
