"""`finetune.watch`: the stage's own training, watched, is the training that it is unwatched."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import tokenise
from lm_geometry.finetune import checkpointing
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.fine_tuning import finetune
from lm_geometry.finetune.observed import held_out_texts
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.dialogue_state import DialogueState
from lm_geometry.finetune.tasks.sequence_classification import SequenceClassification
from lm_geometry.measure.call import measure
from lm_geometry.measure.in_finetune import ROOMS, TrainingObserver, code_of, options_of
from lm_geometry.measure.watch import Watch
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.outs.finetune.training_run import WATCHED, read_training_run
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from tests.conftest import TinyModel
from tests.finetune.test_dialogue_state import COLUMNS as DIALOGUES
from tests.finetune.test_dialogue_state import ONTOLOGY
from tests.finetune.test_dialogue_state import settings_of as of_dialogues
from tests.finetune.test_run import files_of, prepare_training, settings_of
from tests.measure.words import documents

TEXTS = documents(12, 24)
WATCH: dict[str, Any] = {"every": 2, "points": 80, "n_neighbors": 6, "groups": 4}
WATCH |= {"layers": ["50%", "last"], "signals": ["rankme", "distance_moved"]}
COLUMNS: Columns = {
    "text": TEXTS,
    "label": ["river", "sea", "sand"] * 4,
    "words": [text.split() for text in TEXTS],
    "tags": [["B-place" if w == "sea" else "O" for w in text.split()] for text in TEXTS],
    "document": [f"d{number // 2}" for number in range(12)],
}
CONTEXT: Any = [TEXTS[number - 2 : number][::-1] for number in range(12)]
CUT = Embed.model_validate({"max_length": 40})
TASKS: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("gpt2", {"task": "sequence_classification", "method": "full"}),
    ("bert", {"task": "token_classification", "lora": {"dropout": 0.1}}),
    ("bert", {"task": "masked_lm", "method": "full", "dropout": {"hidden": 0.2}}),
]


def asked(watch: Any = WATCH, **changes: Any) -> Finetune:
    return settings_of(block_tokens=24, watch=watch, **changes)


def trained(source: Any, settings: Finetune, work: Path, columns: Columns = COLUMNS) -> Any:
    observer = TrainingObserver() if settings.watch != "none" else None
    return finetune(source, settings, columns, columns, work, observer=observer)


@pytest.mark.parametrize(("name", "changes"), TASKS)
def test_checkpoints_are_bit_equal_and_step_0_is_what_measure_reads_of_base(
    tiny_models: dict[str, TinyModel], tmp_path: Path, name: str, changes: dict[str, Any]
) -> None:
    source = tiny_models[name].source
    without = trained(source, asked("none", **changes), tmp_path / "without")
    settings = asked(**changes)
    watched = trained(source, settings, tmp_path / "with")
    checkpoints = files_of(tmp_path / "with" / "checkpoints")
    assert checkpoints == files_of(tmp_path / "without" / "checkpoints")
    values = watched.pop("watched")
    assert watched == without
    texts = held_out_texts(settings, COLUMNS, load_tokenizer(source), "", tmp_path)
    model, layers = load_model(source), settings.watch.layers
    options: Any = options_of(settings.watch, texts) | {"signals": ["rankme"]}
    table = pd.DataFrame(dict(texts.rows))
    found = measure(model, table, layers, tokenizer=texts.tokenizer, **options).table
    means = found.set_index(["layer", "estimator"])[["mean", "lower", "upper"]]
    quantities = {"local dimension": "twonn", "rankme": "rankme"}
    for row in values:
        if row["step"] == 0 and row["quantity"] in quantities:
            expected = means.loc[(row["layer"], quantities[row["quantity"]])].tolist()
            assert [row["value"], row["lower"], row["upper"]] == expected
    depth = source.layers
    assert {row["layer"] for row in values} == {(depth + 1) // 2, depth}
    there = {
        row["quantity"]: {r["step"] for r in values if r["quantity"] == row["quantity"]}
        for row in values
    }
    assert there["local dimension"] == there["rankme"] == {0, 2, 4, 6}
    assert there["change of local dimension"] == there["distance moved"] == {2, 4, 6}
    moved = [row["value"] for row in values if row["quantity"] == "change of local dimension"]
    assert all(value != 0 for value in moved)


@pytest.mark.parametrize("step", [3, 4])
def test_an_interrupted_training_gives_the_same_bytes(
    tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    source, settings = tiny_models["llama"].source, asked()
    monkeypatch.setattr(checkpointing, "SAVE_SECONDS", 0.0)  # a state to go on from at each step
    whole = trained(source, settings, tmp_path / "whole")
    save = checkpointing.KeepCheckpoints.on_save

    def cut(self: Any, args: Any, state: Any, *rest: Any, **more: Any) -> Any:
        if state.global_step == step + 1:
            raise KeyboardInterrupt
        return save(self, args, state, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(checkpointing.KeepCheckpoints, "on_save", cut)
        with pytest.raises(KeyboardInterrupt):
            trained(source, settings, tmp_path / "cut")
    assert not (tmp_path / "cut" / "records.json").exists()
    assert trained(source, settings, tmp_path / "cut") == whole
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")
    assert {r["step"] for r in whole["watched"]} == {0, 2, 4, 6}


def test_the_stage_shows_it_live_and_names_the_code_that_watched(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    prepare_training(TEXTS)
    source = tiny_models["llama"].source
    plain = training_run.train(source, asked("none"))
    checkpoints, curves = files_of(paths.CHECKPOINTS), read_json(paths.PLOTS / "training.json")
    assert not WATCHED.exists()
    assert not any({"lower", "upper"} & row.keys() for row in curves)
    observer = TrainingObserver()
    run = training_run.train(source, asked(), observer)
    assert files_of(paths.CHECKPOINTS) == checkpoints
    assert run == read_training_run()
    assert run.watched_by == observer.code == code_of(ROOMS)
    assert (run.curve, run.scores) == (plain.curve, plain.scores)
    rows = read_json(paths.PLOTS / "training.json")
    assert {frozenset(row) for row in rows} == {frozenset(curves[0]) | {"lower", "upper"}}
    panels = {row["measure"]: row for row in rows if row["step"] == 6}
    last = panels["change of local dimension, layer 3"]
    assert last["lower"] < last["value"] < last["upper"]
    assert (last["curve"], last["corpus"]) == ("fixed held-out tokens", "small")
    assert panels["loss"]["lower"] is None
    assert "N ≤ 80, L = 6, no neighbours of the own document" in last["settings"]
    assert [
        {**row, "lower": None, "upper": None, "settings": last["settings"]} for row in curves
    ] == [row for row in rows if row["curve"] != last["curve"]]
    again = training_run.train(source, asked(), observer)
    assert again == run


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_contexts_are_read_as_they_are_trained_on(
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    source = tiny_models[name].source
    columns: Columns = {**COLUMNS, "context": CONTEXT}
    settings = asked(task="sequence_classification").model_copy(update={"block_tokens": 48})
    seen: list[list[list[int]]] = []
    read = Watch.read

    def noted(self: Watch, *rest: Any) -> Any:
        states = read(self, *rest)
        seen.append(self._probe.corpus.sequences)
        return states

    monkeypatch.setattr(Watch, "read", noted)
    trained(source, settings, tmp_path, columns)
    task = SequenceClassification(load_tokenizer(source), settings, columns, columns)
    task.context_first = source.reads_onwards
    assert seen[0] == [example.input_ids for example in task.held_out_examples(columns)]
    alone = SequenceClassification(load_tokenizer(source), settings, COLUMNS, COLUMNS)
    assert seen[0] != [example.input_ids for example in alone.held_out_examples(COLUMNS)]


def test_turns_of_dialogues_are_those_that_the_task_reads(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    source = tiny_models["bert"].source
    found = {}
    small = {"every": 2, "points": 40, "n_neighbors": 4, "groups": 0, "exclude": "none"}
    for watch in ("none", small):
        settings = of_dialogues(watch=watch, checkpoints=[2], steps=2)
        observer = TrainingObserver() if watch != "none" else None
        work = tmp_path / str(observer is not None)
        more: Any = {"ontology": ONTOLOGY, "observer": observer}
        records = finetune(source, settings, DIALOGUES, DIALOGUES, work, **more)
        found[work.name] = records, files_of(work / "checkpoints")
    assert found["True"][1] == found["False"][1]
    assert [row["step"] for row in found["True"][0]["watched"]] == [0, 2, 2]
    texts = held_out_texts(settings, DIALOGUES, load_tokenizer(source), "", tmp_path)
    task = DialogueState(load_tokenizer(source), settings, ONTOLOGY, DIALOGUES)
    examples = task.held_out_examples(DIALOGUES)
    assert len(texts.rows["text"]) == len(examples) == len(DIALOGUES["text"]) // 2
    encoded = tokenise(
        pd.DataFrame(dict(texts.rows)), texts.tokenizer, CUT, np.random.default_rng()
    )
    assert encoded.sequences == [example.input_ids for example in examples]


def test_what_cannot_be_measured_ends_before_the_first_step(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    source = replace(tiny_models["llama"].source)
    few = asked(WATCH | {"sequences": 3, "points": 300, "n_neighbors": 90})
    with pytest.raises(ValueError, match=r"finetune\.watch: n_neighbors: L = 90 needs more than"):
        trained(source, few, tmp_path)
    assert not list((tmp_path / "trainer").glob("checkpoint-*"))
