"""The training corpus: its splits, its ontology, and what data-prep says of its labels."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.data_prep import run
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.labels import classes_alone
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.data_prep.run import prepare_corpora
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.dialogue_turns import dialogue_columns, known_slots, user_turns
from lm_geometry.outs.data_prep.corpora import read_evaluated, read_training, training_columns
from lm_geometry.state_tracking.values import boolean
from lm_geometry.workspace import machine, paths
from tests.made_dialogues import write_dialogues

Entries = dict[str, Corpus]


@pytest.fixture
def entries(project: Path, monkeypatch: pytest.MonkeyPatch) -> Entries:
    """Corpora by alias, instead of catalogue/corpora.yaml."""
    found: Entries = {}
    monkeypatch.setattr(run, "resolve", lambda name: found[name])
    return found


def _table(project: Path, name: str, rows: list[dict[str, Any]], **options: object) -> Corpus:
    path = project / f"{name}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    values = {"source": f"file:{path}", "reader": "table", "redistribute": True, **options}
    return Corpus.model_validate(values)


def _rows(number: int) -> list[dict[str, Any]]:
    return [{"text": f"text {i}", "document": str(i)} for i in range(number)]


def _prepared(**values: object) -> list[dict[str, Any]]:
    whole = {"train": "own", "evaluate": ["own"], "splits": ["validation"], **values}
    return prepare_corpora(DataPrep.model_validate(whole))


def test_the_test_split_is_prepared_and_changes_nothing_that_is_compared(
    project: Path, entries: Entries
) -> None:
    entries["own"] = _table(project, "own", _rows(40))
    shares = {"train": 0.5, "validation": 0.25, "test": 0.25}
    counts = _prepared(proportions=shares, sequences=6)
    training = read_training()
    assert {split: len(training.columns(split)["text"]) for split in training.splits} == {
        "train": 20,
        "validation": 6,
        "test": 6,
    }
    texts = [set(training.columns(split)["text"]) for split in training.splits]
    assert len(set.union(*texts)) == 20 + 6 + 6
    # Counts in data/corpora are those of an earlier version, which had no test split.
    assert [(row["use"], row["split"]) for row in counts] == [
        ("training", "train"),
        ("training", "validation"),
        ("corpora", "validation"),
    ]
    told = json.loads((paths.TRAINING / "counts.json").read_text())
    assert [(row["split"], row["chosen"]) for row in told] == [
        ("train", 20),
        ("validation", 6),
        ("test", 6),
    ]
    assert [split.split for split in read_evaluated().splits] == ["validation"]


def test_a_corpus_without_a_test_split_is_trained_on_without_one(
    project: Path, entries: Entries
) -> None:
    held = {"validation": {"of": "train", "documents": 3}}
    entries["own"] = _table(project, "own", _rows(9), hold_out=held, splits="native")
    _prepared()
    assert list(read_training().splits) == ["train", "validation"]
    with pytest.raises(SystemExit, match="corpus own has no split 'test'"):
        _prepared(splits=["test"])


def test_a_test_split_of_which_nothing_is_left_is_none(project: Path, entries: Entries) -> None:
    entries["own"] = _table(project, "own", _rows(40))
    _prepared()
    held_out = set(read_training().columns("test")["text"])
    rows = [{**row, "label": "" if row["text"] in held_out else "joy"} for row in _rows(40)]
    entries["own"] = _table(project, "labelled", rows)
    _prepared(keep="labelled")
    assert list(read_training().splits) == ["train", "validation"]
    with pytest.raises(SystemExit, match="corpus own: nothing is left of its split test"):
        _prepared(keep="labelled", splits=["test"])


@pytest.mark.parametrize("redistribute", [True, False])
def test_states_come_with_their_ontology_and_private_ones_stay(
    redistribute: bool, project: Path, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {**row, "turn": turn, "speaker": "user", "state": json.dumps({f"zoo-{turn}": "quorvexil"})}
        for row in _rows(16)
        for turn in range(2)
    ]
    entries["own"] = _table(project, "own", rows, redistribute=redistribute)
    _prepared(context=2)
    training = read_training()
    assert training.ontology == {"zoo-0": ["quorvexil"], "zoo-1": ["quorvexil"]}
    columns = training.columns("train")
    assert set(columns) == {"text", "document", "turn", "speaker", "state", "context"}
    assert list(map(len, columns.get("context", []))).count(1) == len(columns["text"]) / 2
    passed_on = b"".join(file.read_bytes() for file in paths.DATA.rglob("*") if file.is_file())
    assert (b"quorvexil" in passed_on) == (b"zoo" in passed_on) == redistribute
    there = training_columns(project, "own")
    assert set(there) == set(columns)
    # On another machine the text of a private corpus is not there.
    monkeypatch.setattr(machine, "private_texts", lambda: project / "elsewhere")
    assert read_training().ontology == (training.ontology if redistribute else {})


def test_a_slot_is_boolean_by_its_states_where_no_source_lists_values(
    project: Path, entries: Entries
) -> None:
    said = [{"hotel-internet": "yes", "hotel-name": "acorn"}, {"hotel-internet": "no"}]
    rows = [
        {"text": "with internet", "document": str(document), "turn": turn}
        | {"state": json.dumps(said[(document + turn) % 2])}
        | {"state_before": json.dumps(said[document % 2] if turn else {})}
        | {"informed": "{}", "requested": "[]"}
        for document in range(8)
        for turn in range(2)
    ]
    entries["own"] = _table(project, "own", rows)
    _prepared(choose="whole_documents")
    training = read_training()
    settings = Finetune.model_validate({"task": "dialogue_state"})
    columns = dialogue_columns(training.columns("train"), settings)
    slots = known_slots(settings, training.ontology, columns)
    assert [boolean(slots[slot]) for slot in ("hotel-internet", "hotel-name")] == [True, False]
    turns = list(user_turns(columns, slots))
    wanted = [json.loads(turn)["hotel-internet"] for turn in columns["state"]]
    kinds = [said.labels["hotel-internet"].kind for said in turns]
    assert kinds == [{"yes": "true", "no": "false"}[value] for value in wanted]
    assert set(kinds) == {"true", "false"}


def test_a_slot_that_the_ontology_lacks_ends_dialogue_state_alone(
    project: Path, entries: Entries
) -> None:
    with zipfile.ZipFile(write_dialogues(project / "made", 2)) as archive:
        for name in ("dialogues.json", "ontology.json"):
            (project / name).write_bytes(archive.read(f"data/{name}"))
    listed = json.loads((project / "ontology.json").read_text())
    del listed["state"]["hotel"]["name"]
    (project / "ontology.json").write_text(json.dumps(listed))
    entries["own"] = _table(project, "own", [], reader="convlab", source=f"file:{project}")
    _prepared()
    training = read_training()
    settings = Finetune.model_validate({"task": "dialogue_state"})
    columns = dialogue_columns(training.columns("train"), settings)
    with pytest.raises(ValueError, match="have the slot 'hotel-name', which its ontology lacks"):
        known_slots(settings, training.ontology, columns)


@pytest.mark.parametrize("choose", ["random", "take_first", "by_document", "whole_documents"])
@pytest.mark.parametrize("sequences", ["all", 12, 4])
def test_measured_rows_of_the_train_split_are_among_the_trained(
    choose: str,
    sequences: int | str,
    project: Path,
    entries: Entries,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"text": f"{i} {j}", "document": str(i)} for i in range(12) for j in range(1 + i % 3)]
    entries["own"] = entries["other"] = _table(project, "own", rows)
    asked = {"evaluate": ["own", "other"], "splits": ["train"], "choose": choose}
    _prepared(train_sequences=7, sequences=sequences, **asked)
    trained = read_training().columns("train")["text"]
    own, other = (split.read()["text"].tolist() for split in read_evaluated().splits)
    assert own == other[: len(own)]
    assert own == (trained if sequences != 4 else trained[: len(own)])
    bites = sequences != 4
    assert (len(other) > len(own)) == bites
    told = "corpora: own train: measured on no more than the 7 of its"
    out = capsys.readouterr().out
    assert out.count(told) == out.count("no more than") == bites


def test_classes_of_one_split_alone_are_told(
    project: Path, entries: Entries, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "label": "joy"} for row in _rows(8)]
    entries["own"] = _table(project, "own", [*rows, {**rows[0], "label": "", "document": "x"}])
    _prepared()
    assert "alone" not in capsys.readouterr().out
    entries["own"] = _table(project, "other", [{**row, "label": row["document"]} for row in rows])
    _prepared()
    out = capsys.readouterr().out
    assert len([line for line in out.splitlines() if "alone: " in line]) == 3
    assert "training: own: classes of test alone: " in out


def test_only_classes_that_no_other_split_has_are_named() -> None:
    assert classes_alone({"train": ["a", "b", ""], "validation": ["b"], "test": ["b", "c"]}) == [
        "classes of train alone: a",
        "classes of test alone: c",
    ]
    assert classes_alone({"train": ["a"]}) == []
    (line,) = classes_alone({"train": ["s" * 65, *map(str, range(10, 23))], "test": []})
    assert "s" * 65 not in line
    assert line.endswith(" and 4 more")


def test_where_nothing_is_trained_no_corpus_is_prepared_for_it_and_all_rows_are_measured(
    project: Path, entries: Entries
) -> None:
    entries["own"] = _table(project, "own", _rows(40))
    settings = DataPrep.model_validate(
        {"train": "own", "evaluate": ["own"], "sequences": "all", "train_sequences": 3}
    )
    counts = prepare_corpora(settings, trains=False)
    assert [(row["use"], row["split"], row["chosen"]) for row in counts] == [("corpora", "all", 40)]
    training = read_training()
    assert (training.name, training.splits) == ("own", {})
    assert training_columns(project, "own") == []
    assert len(read_evaluated().splits[0].read()) == 40
    asked = settings.model_copy(update={"splits": ["train"]})
    assert [row["chosen"] for row in prepare_corpora(asked, trains=False)] == [30]  # not 3
    splits = [row["split"] for row in prepare_corpora(settings)]
    assert splits == ["train", "validation", "validation"]


def test_all_rows_are_those_of_every_split_of_the_source(
    project: Path, entries: Entries, capsys: pytest.CaptureFixture[str]
) -> None:
    from datasets import Dataset, DatasetDict

    parts: dict[Any, Any] = {
        "train": Dataset.from_dict({"text": ["a", "b"], "document": ["1", "2"], "extra": [1, 2]}),
        "test": Dataset.from_dict({"text": ["c"], "document": ["3"]}),
    }
    DatasetDict(parts).save_to_disk(str(project / "own"))
    values = {"source": f"file:{project / 'own'}", "reader": "huggingface", "redistribute": True}
    entries["own"] = Corpus.model_validate(values)
    settings = DataPrep.model_validate({"train": "own", "evaluate": ["own"], "sequences": "all"})
    prepare_corpora(settings, trains=False)
    rows = read_evaluated().splits[0].read()
    assert sorted(rows["text"]) == ["a", "b", "c"]
    assert "own: not in every split, and left out: extra" in capsys.readouterr().out
