"""The context of a turn: the utterances before it, against a count by brute force."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.contexts import with_contexts, without_own_contexts
from lm_geometry.data_prep.corpora.data_sets import in_memory
from lm_geometry.data_prep.corpora.dialogue_columns import with_dialogue_columns
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.preparation import Prepared, prepare
from lm_geometry.data_prep.params import DataPrep

Rows = list[dict[str, Any]]


def _corpus(folder: Path, rows: Rows, **options: object) -> Corpus:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return Corpus.model_validate({"source": f"file:{path}", "reader": "table", **options})


def _prepare(entry: Corpus, split: str = "train", **values: object) -> Prepared:
    section = DataPrep.model_validate({"choose": "take_first", **values})
    return prepare("example", entry, split, "all", section, Path())


def _brute_force(rows: Rows, number: int) -> list[list[str]]:
    """Each row's context, from a sort of the whole corpus for every row."""
    found: list[list[str]] = []
    for row in rows:
        same = [other for other in rows if other["document"] == row["document"]]
        before = [other for other in same if other["turn"] < row["turn"] and other["text"].strip()]
        newest = sorted(before, key=lambda other: -other["turn"])[:number]
        said = ((other.get("speaker"), other["text"].strip()) for other in newest)
        found.append([f"{who}: {text}" if who else text for who, text in said])
    return found


@st.composite
def _dialogues(draw: st.DrawFn) -> Rows:
    turns = draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-9, 9)), unique=True))
    speakers = draw(st.booleans())
    text = st.sampled_from(["", " ", "hi", " well ", "no: yes", "a\nb"])
    rows = [{"text": draw(text), "document": who, "turn": turn} for who, turn in turns]
    names = st.sampled_from(["", "user", "system"])
    return [{**row, "speaker": draw(names)} if speakers else row for row in rows]


@given(_dialogues(), st.integers(1, 4))
def test_contexts_are_the_utterances_before_newest_first(rows: Rows, number: int) -> None:
    if rows:
        dataset = datasets.Dataset.from_list(rows)
        made = with_contexts(Part.of(dataset), "example", number, strip=True).dataset()
        assert list(made["context"]) == _brute_force(rows, number)
        assert made.remove_columns("context").to_list() == rows


def test_contexts_are_made_before_rows_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"text": f"{name} says {turn}", "document": document, "turn": turn, "speaker": name}
        for document in map(str, range(12))
        for turn, name in enumerate(["user", "system"] * 3)
    ]
    entry = _corpus(tmp_path, list(reversed(rows)))
    for split in ("train", "validation", "test"):
        prepared = _prepare(entry, split, context=2, keep={"speaker": "user"})
        assert 2 * prepared.counts["studied"] == prepared.counts["split"]
        for row in prepared.dataset.to_list():
            turn = row["turn"]
            said = [f"system: system says {turn - 1}", f"user: user says {turn - 2}"]
            assert row["context"] == (said if turn else [])
    assert "context" not in _prepare(entry).dataset.column_names


def test_dialogues_of_one_document_do_not_answer_each_other(tmp_path: Path) -> None:
    rows = [
        {"text": f"{dialogue}{turn}", "document": "x", "dialogue": dialogue, "turn": turn}
        for turn in range(3)
        for dialogue in "ab"
    ]
    part = Part.of(datasets.Dataset.from_list(rows))
    made = with_contexts(part, "example", 9, strip=False).dataset()
    told = {row["text"]: row["context"] for row in made.to_list()}
    assert told["b2"] == ["b1", "b0"]
    assert told["a0"] == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda row: {"text": row["text"]}, "example has no column turn"),
        (lambda row: {**row, "turn": str(row["turn"])}, "example has no column turn"),
        (lambda row: {**row, "turn": row["turn"] or None}, "example has no column turn"),
        (lambda row: {**row, "turn": row["turn"] // 2}, "two rows with one document and one turn"),
    ],
)
def test_a_corpus_that_does_not_tell_contexts_is_refused(
    changed: Callable[[dict[str, Any]], dict[str, Any]], told: str, tmp_path: Path
) -> None:
    rows: Rows = [{"text": "x", "document": str(i // 4), "turn": i % 4} for i in range(16)]
    entry = _corpus(tmp_path, [changed(row) for row in rows])
    assert len(_prepare(entry).dataset)
    with pytest.raises(ValueError, match=rf"^data_prep\.context: 3: corpus .*{told}"):
        _prepare(entry, context=3)


@pytest.mark.parametrize("alone", ["document", "dialogue"])
def test_a_corpus_without_any_context_is_refused(alone: str, tmp_path: Path) -> None:
    rows: Rows = [{"text": "x", "turn": i, "document": "d", alone: str(i)} for i in range(9)]
    entry = _corpus(tmp_path, rows)
    told = r"^data_prep\.context: 2: every context of corpus example is empty.* column document"
    with pytest.raises(ValueError, match=told):
        _prepare(entry, context=2)
    one = [*rows, {**rows[0], "turn": 9}]  # which follows the first, and no other does
    folder = tmp_path / "one"
    folder.mkdir()
    found = _prepare(_corpus(folder, one, splits="native"), context=2).dataset["context"]
    assert list(map(len, found)) == [0] * 9 + [1]


def test_documents_whose_rows_are_divided_have_no_contexts() -> None:
    told = "context: 1: order: paper divides the rows of one document"
    with pytest.raises(ValidationError, match=told):
        DataPrep.model_validate({"context": 1, "order": "paper"})
    assert DataPrep.model_validate({"context": 0, "order": "paper"}).order == "paper"


def test_a_column_of_lists_names_no_dialogues(tmp_path: Path) -> None:
    rows: Rows = [
        {"text": "x", "document": str(i // 3), "turn": i % 3, "dialogue": ["a"]} for i in range(18)
    ]
    entry = _corpus(tmp_path, rows)
    assert len(_prepare(entry).dataset)
    for asked in ({"context": 1}, {"choose": "whole_documents"}):
        told = r"^corpus example: its column dialogue holds list<.*>, which names no dialogues"
        with pytest.raises(ValueError, match=told):
            _prepare(entry, **asked)


@pytest.mark.parametrize(
    "kind",
    [pyarrow.list_(pyarrow.string()), pyarrow.large_list(pyarrow.string())],
    ids=str,
)
def test_a_list_of_the_source_is_no_context_whatever_its_type(kind: pyarrow.DataType) -> None:
    lists = pyarrow.array([["mine"], []], kind)
    own = in_memory(pyarrow.table({"text": ["a", "b"], "context": lists}))
    assert without_own_contexts(Part.of(own)).column_names == ["text", "source_context"]


@pytest.mark.parametrize(
    ("name", "value", "is_kept"),
    [
        ("state", "CA", False),
        ("state", '{"hotel-area": "north"}', True),
        ("state", '{"hotel-area": 3}', False),
        ("state", '["hotel-area"]', False),
        ("state_before", "{", False),
        ("informed", "12", False),
        ("requested", '["hotel-area"]', True),
        ("requested", '{"hotel-area": "north"}', False),
    ],
)
def test_a_column_is_of_states_where_its_values_are(name: str, value: str, is_kept: bool) -> None:
    own = in_memory(pyarrow.table({"text": ["a", "b"], name: ["", value]}))
    there = name if is_kept else f"source_{name}"
    assert with_dialogue_columns(own).column_names == ["text", there]


def test_other_columns_of_these_names_are_set_aside(tmp_path: Path) -> None:
    rows: Rows = [
        {"text": "x", "context": "a passage", "turn": 0.5, "speaker": ["a"], "state": {"a": 1}}
        for _ in range(9)
    ]
    names = _prepare(_corpus(tmp_path, rows)).dataset.column_names
    assert {"source_context", "source_turn", "source_speaker", "source_state"} <= set(names)
    assert not {"context", "turn", "speaker", "state"} & set(names)
    own: Rows = [{"text": "x", "document": "d", "turn": i, "context": ["mine"]} for i in range(9)]
    entry = _corpus(tmp_path, own, document_column="turn")
    prepared = _prepare(entry).dataset  # a list, too, is no context of ours
    assert "context" not in prepared.column_names
    assert prepared["source_context"][0] == ["mine"]


def test_states_given_as_objects_are_read_as_json() -> None:
    states = [{"colour": "red"}, {"people": "2"}]  # Arrow gives each the other's name, too
    given = {"text": ["A red one.", "For two."], "state": states, "requested": [[], ["price"]]}
    own = with_dialogue_columns(in_memory(pyarrow.table({**given, "informed": [{}, {}]})))
    assert list(own["state"]) == ['{"colour": "red"}', '{"people": "2"}']
    assert list(own["informed"]) == ["{}", "{}"]
    assert list(own["requested"]) == ["[]", '["price"]']


def test_a_column_of_another_meaning_is_set_aside_and_said() -> None:
    left: dict[str, str] = {}
    own = with_dialogue_columns(in_memory(pyarrow.table({"text": ["x"], "state": ["Ohio"]})), left)
    assert own.column_names == ["text", "source_state"]
    assert "column state is not that of dialogues" in left["state"]
