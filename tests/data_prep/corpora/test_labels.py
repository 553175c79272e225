"""Labels and BIO tags of corpora: what readers find, and that words stay those of the text."""

import json
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus, resolve
from lm_geometry.data_prep.corpora.preparation import prepare
from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.data_prep.corpora.tags import bio_tags, span_of_words, without_margins, words_of
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.models import sources
from lm_geometry.outs.data_prep.corpora import (
    CorpusSplit,
    TrainingCorpus,
    read_training,
    write_training,
)
from lm_geometry.workspace import machine, paths

REFERENCE = os.environ.get("LM_GEOMETRY_REFERENCE")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="LM_GEOMETRY_REFERENCE is not set: no real dialogue data"
)


def read(path: Path, reader: str, **options: Any) -> dict[str, datasets.Dataset]:
    entry = Corpus.model_validate({"source": f"file:{path}", "reader": reader, **options})
    return reading.read(entry, path)


def entities(words: list[str], tags: list[str]) -> list[tuple[str, str]]:
    """What a row marks, as (name, words)."""
    found: list[tuple[str, str]] = []
    for word, tag in zip(words, tags, strict=True):
        if tag.startswith("B-"):
            found.append((tag[2:], word))
        elif tag.startswith("I-"):
            assert found[-1][0] == tag[2:]
            found[-1] = (tag[2:], f"{found[-1][1]} {word}")
    return found


def test_spans_become_tags_of_the_words_that_they_cover() -> None:
    text = "at  San Jose. by 8am-9am"
    spans = [(4, 12, "city"), (4, 7, "saint"), (17, 20, "from"), (21, 24, "to"), (0, 0, "none")]
    tags = bio_tags(text, spans)
    assert words_of(text) == ["at", "", "San", "Jose.", "by", "8am-9am"]
    assert tags == ["O", "O", "B-city", "I-city", "O", "B-from"]
    start, end = span_of_words(text, 1, 2)
    assert text[start:end] == "San Jose."
    with pytest.raises(IndexError):
        span_of_words(text, 4, 5)


def test_the_words_of_a_stripped_text_are_its_own() -> None:
    for text in ("  a b ", "\ta\n b\n", " \n", "a  b", "", " a \t "):
        words = words_of(text)
        inner, tags = without_margins(words, [str(place) for place in range(len(words))])
        assert " ".join(inner) == text.strip()
        assert len(inner) == len(tags)
    assert without_margins(["", "a", "", "b", ""], list("OBOIO")) == (["a", "", "b"], list("BOI"))


@needs_reference
@pytest.mark.parametrize("name", ["multiwoz21", "sgd"])
def test_unified_dialogues_mark_the_values_of_their_acts(name: str) -> None:
    path = Path(str(REFERENCE), "data", name, "unified_dummy_data.json")
    rows = read(path, "convlab")["train"].to_list()
    turns = [turn for dialogue in json.loads(path.read_text()) for turn in dialogue["turns"]]
    marked = 0
    for row, turn in zip(rows, turns, strict=True):
        assert " ".join(row["words"]) == row["text"] == turn["utterance"]
        found = entities(row["words"], row["tags"])
        acts = turn["dialogue_acts"]["non-categorical"]
        spans = {(act["domain"] + "-" + act["slot"], act["value"]) for act in acts if "end" in act}
        for kind, words in found:
            assert any(kind == slot and value in words for slot, value in spans)
        marked += len(found)
    assert marked > 50


@needs_reference
def test_original_multiwoz_marks_its_spans() -> None:
    parts = read(Path(str(REFERENCE), "data", "multiwoz21"), "multiwoz-original")
    rows = parts["validation"].to_list()
    first = next(row for row in rows if row["document"] == "PMUL1635")
    assert entities(first["words"], first["tags"]) == [("hotel-area", "east"), ("hotel-stars", "4")]
    for row in rows:
        assert " ".join(row["words"]) == row["text"]
    count = Counter(kind for row in rows for kind, _ in entities(row["words"], row["tags"]))
    with zipfile.ZipFile(Path(str(REFERENCE), "data", "multiwoz21", "val.json.zip")) as archive:
        dialogues = json.loads(archive.read("val.json")).values()
    spans = [span for d in dialogues for said in d["log"] for span in said.get("span_info", [])]
    named = Counter(f"{act.split('-')[0]}-{slot}".lower() for act, slot, *_ in spans)
    assert set(count) <= set(named)
    assert all(count[kind] <= named[kind] for kind in count)
    assert count.total() > 0.97 * named.total()  # the others overlap an earlier one
    assert "label" not in parts["validation"].column_names


@needs_reference
def test_original_sgd_marks_its_slots() -> None:
    rows = read(Path(str(REFERENCE), "data", "sgd"), "sgd-original")["validation"].to_list()
    assert entities(rows[1]["words"], rows[1]["tags"]) == [
        ("Alarm_1-alarm_time", "6 am"),
        ("Alarm_1-alarm_name", "wake up."),
    ]
    assert all(" ".join(row["words"]) == row["text"] for row in rows)


def test_packaged_reviews_are_positive_or_negative() -> None:
    try:
        rows = reading.read(resolve("reviews"), machine.downloads())["train"]
    except sources.SourceError as error:
        pytest.skip(str(error))
    of_imdb = Counter(
        label
        for label, name in zip(rows["label"], rows["collection"], strict=True)
        if name == "imdb"
    )
    assert of_imdb == {"positive": 12_500, "negative": 12_500}


# --- files of one's own ------------------------------------------------------------------------

WORDS = [["in", "New", "York", "."], ["no", "place"], ["Rome"]]
TAGS = [["O", "B-city", "I-city", "O"], ["O", "O"], ["B-city"]]


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"own{suffix}"
    if suffix == ".csv":
        pairs = enumerate(zip(WORDS, TAGS, strict=True))
        lines = [f"{' '.join(w)},{' '.join(t)},0{i}" for i, (w, t) in pairs]
        path.write_text("\n".join(["words,tags,label", *lines]) + "\n")
        return path
    columns = {"words": WORDS, "tags": TAGS, "label": ["00", "01", "02"]}
    rows = datasets.Dataset.from_dict(columns)
    _ = rows.to_json(path) if suffix == ".jsonl" else rows.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_words_tags_and_labels_of_a_file_are_passed_on(tmp_path: Path, suffix: str) -> None:
    rows = reading.read(resolve(f"file:{written(tmp_path, suffix)}"), tmp_path)["train"]
    assert list(rows["text"]) == [" ".join(words) for words in WORDS]
    assert list(rows["words"]) == WORDS
    assert list(rows["tags"]) == TAGS
    assert list(rows["label"]) == ["00", "01", "02"]


def test_class_numbers_become_their_names(tmp_path: Path) -> None:
    kinds = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=["O", "B-city", "I-city"])),
            "mood": datasets.ClassLabel(names=["sad", "glad"]),
        }
    )
    numbers = [[["O", "B-city", "I-city"].index(tag) for tag in tags] for tags in TAGS]
    columns = {"tokens": WORDS, "ner_tags": numbers, "mood": [1, 0, -1]}
    rows = datasets.Dataset.from_dict(columns, features=kinds)
    datasets.DatasetDict({"train": rows}).save_to_disk(tmp_path / "own")
    named = {"column": "tokens", "tags_column": "ner_tags", "label_column": "mood"}
    found = read(tmp_path / "own", "huggingface", **named)["train"]
    assert list(found["tags"]) == TAGS
    assert list(found["words"]) == WORDS
    assert list(found["label"]) == ["glad", "sad", ""]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"words": [["a", "b"]], "tags": [["O"]]}, "row 0 has 1 tags for the 2 words"),
        ({"words": [["a"]], "tags": [["O"]], "text": ["a b"]}, "joined by spaces must be the text"),
    ],
)
def test_tags_that_do_not_fit_their_words_are_told(
    tmp_path: Path, columns: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.parquet"
    datasets.Dataset.from_dict(columns).to_parquet(path)
    asked = resolve(f"file:{path}").model_copy(update={"tags_column": "tags"})
    with pytest.raises(ValueError, match=told):
        reading.read(asked, tmp_path)
    left = reading.read(resolve(f"file:{path}"), tmp_path)["train"]
    assert left.column_names == ["text", "document", "source_words", "source_tags"]
    assert told in capsys.readouterr().out
    entry = {"source": f"file:{path}", "reader": "table", "column": "words", "tags_column": "ner"}
    with pytest.raises(ValueError, match="there is no column 'ner'; there are"):
        reading.read(Corpus.model_validate(entry), tmp_path)


def test_prepared_words_are_those_of_the_stripped_text(tmp_path: Path) -> None:
    words = [["", "in", "", "Rome", ""], ["none"], ["", "Rome", "\n"]]
    tags = [["O", "O", "O", "B-city", "O"], ["O"], ["O", "B-city", "O"]]
    path = tmp_path / "own.parquet"
    datasets.Dataset.from_dict({"words": words, "tags": tags}).to_parquet(path)
    section = DataPrep.model_validate({"choose": "take_first"})
    entry = Corpus.model_validate({"source": f"file:{path}", "reader": "table", "splits": "native"})
    rows = prepare("own", entry, "train", "all", section, tmp_path).dataset
    assert list(rows["text"]) == ["in  Rome", "none", "Rome"]
    assert list(rows["words"]) == [["in", "", "Rome"], ["none"], ["Rome"]]
    assert list(rows["tags"]) == [["O", "O", "B-city"], ["O"], ["B-city"]]


def test_what_is_learned_from_is_read_with_its_labels(project: Path) -> None:
    learned = {"text": ["a"], "document": ["0"], "label": ["x"], "turn": [3]}
    rows = {**learned, "year": [1790]}
    save(datasets.Dataset.from_dict(rows), CorpusSplit("own", "train").folder(paths.TRAINING))
    write_training(TrainingCorpus("own", {"train": CorpusSplit("own", "train")}))
    assert read_training().columns("train") == learned
