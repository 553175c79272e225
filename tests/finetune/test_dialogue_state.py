"""Task dialogue_state: labels of tokens, the loss, what outputs mean, whole runs, bad corpora."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.nn.functional import log_softmax

from lm_geometry.finetune import checkpointing
from lm_geometry.finetune.fine_tuning import finetune, make_task
from lm_geometry.finetune.measured import Records
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks import slot_outputs
from lm_geometry.finetune.tasks.dialogue_state import DialogueState
from lm_geometry.finetune.tasks.task import Predictions
from lm_geometry.finetune.trainable import trainable
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.state_tracking.labels import KINDS
from tests.conftest import TinyModel

ONTOLOGY = {
    "river-place": ["sea", "sand", "the river"],
    "river-time": [],
    "sea-place": [],
    "sea-free": ["yes", "no", "dontcare"],
}
SLOTS = len(ONTOLOGY)
# What the user says, the state after it, what the system informed before it, what is asked for.
SAID: list[tuple[str, dict[str, str], dict[str, str], list[str]]] = [
    ("Sand and the river, the sand.", {"river-place": "sand"}, {}, []),
    ("It moved in the morning", {"river-time": "the morning", "sea-free": "yes"}, {}, []),
    ("Then back", {"sea-place": "sand"}, {}, ["river-time"]),
    ("We the people", {"river-place": "the river"}, {"river-place": "river"}, []),
    ("The clay", {"river-time": "dontcare", "sea-free": "no", "sea-place": "president"}, {}, []),
]


def dialogue(name: str, order: list[int]) -> dict[str, list[Any]]:
    """The columns of one dialogue; system turns have no state."""
    rows, state = [], {}
    for number, place in enumerate(order):
        text, changes, informed, requested = SAID[place]
        after = state | changes
        given = (after, state, informed, requested)
        context = [f"system: A cloud of {name}.", "user: Points."][: 2 * min(number, 1)]
        rows.append((text, name, 2 * number, *map(json.dumps, given), context))
        rows.append(("A cloud.", name, 2 * number + 1, "", "", "", "", [f"user: {text}"]))
        state = after
    names = ("text", "document", "turn", "state", "state_before", "informed", "requested")
    return dict(zip((*names, "context"), map(list, zip(*rows, strict=True)), strict=True))


def joined(*parts: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: [v for part in parts for v in part[name]] for name in parts[0]}


COLUMNS = joined(dialogue("a", [0, 1, 2, 3, 4]), dialogue("b", [0, 2, 3, 1]), dialogue("c", [1]))
PLAIN = {name: values for name, values in COLUMNS.items() if name != "context"}


def settings_of(**changes: Any) -> Finetune:
    short = {"steps": 4, "checkpoints": [2, 4], "batch_size": 3, "block_tokens": 40}
    more = {"warmup_steps": 1, "learning_rate": 1e-2, "method": "full", "task": "dialogue_state"}
    return Finetune.model_validate({**short, **more, "evaluation_sequences": "all", **changes})


def run(source: ModelSource, work: Path, columns: Any = COLUMNS, **changes: Any) -> Records:
    settings = settings_of(**changes)
    return finetune(source, settings, columns, columns, work, ontology=ONTOLOGY)


def task_of(tiny: TinyModel, columns: Any = COLUMNS, **changes: Any) -> DialogueState:
    tokenizer = load_tokenizer(tiny.source)
    found = make_task(settings_of(**changes), tokenizer, columns, ontology=ONTOLOGY)
    assert isinstance(found, DialogueState)
    return found


def scores_at(records: Records, step: int, split: str = "validation") -> dict[str, float]:
    return {
        r["score"]: r["value"]
        for r in records["scores"]
        if r["step"] == step and r.get("split", "validation") == split
    }


# --- labels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [COLUMNS, PLAIN], ids=["context", "alone"])
@pytest.mark.parametrize("first", [False, True])
def test_gold_labels_read_as_predictions_reach_the_bound(
    tiny_models: dict[str, TinyModel], columns: Any, first: bool
) -> None:
    task = task_of(tiny_models["bert"], columns)
    task.context_first = first
    examples = task.held_out_examples(columns)
    assert [len(example.labels) for example in examples] == [2 + 4 * SLOTS] * 10
    gold = [np.array(example.labels[2:]).reshape(SLOTS, 4) for example in examples]
    found = task.scores(Predictions(0.5, gold, gold, {"loss_span": 1.0}, examples))
    # Of ten turns one has a value of nowhere: the last of dialogue a.
    assert found["joint_goal_accuracy"] == found["oracle_joint_goal"] == 9 / 10
    assert found["slot_accuracy"] == pytest.approx(1 - 1 / (10 * SLOTS))
    assert found["class_f1"] == 1
    assert (found["loss"], found["loss_span"]) == (0.5, 1.0)


def test_every_class_occurs_among_the_labels(tiny_models: dict[str, TinyModel]) -> None:
    examples = task_of(tiny_models["bert"]).training_examples(COLUMNS)
    kinds = {KINDS[kind] for example in examples for kind in example.labels[2::4]}
    assert kinds == set(KINDS)


def test_spans_are_tokens_of_the_users_own_text(tiny_models: dict[str, TinyModel]) -> None:
    task = task_of(tiny_models["bert"])
    examples = task.training_examples(COLUMNS)
    first, second = examples[0], examples[1]
    place = list(ONTOLOGY).index("river-place")
    start, end = first.labels[2 + 4 * place + 1 : 2 + 4 * place + 3]
    said = first.offsets[start][0], first.offsets[end][1]
    assert said == (24, 28)  # the last of three places
    assert first.labels[:2] == [1, len(first.input_ids) - 2]  # no context: all but [CLS], [SEP]
    assert second.labels[1] < len(second.input_ids) - 5  # the context follows
    time = list(ONTOLOGY).index("river-time")
    start, end = second.labels[2 + 4 * time + 1 : 2 + 4 * time + 3]
    text = task.tokenizer.decode(second.input_ids[start : end + 1])
    assert text.replace(" ", "").replace("##", "") == "morning"


def test_a_span_that_is_cut_off_is_not_learned(tiny_models: dict[str, TinyModel]) -> None:
    task = task_of(tiny_models["bert"], PLAIN, block_tokens=5)
    first = task.training_examples(PLAIN)[0]
    assert first.labels[2:6] == [KINDS.index("copy_value"), -1, -1, -1]


# --- outputs -----------------------------------------------------------------------------------


def test_the_loss_is_that_of_each_part_computed_by_hand(tiny_models: dict[str, TinyModel]) -> None:
    loss = {"classes": 0.5, "spans": 0.3, "refers": 0.2}
    settings = {"dialogue_state": {"loss": loss, "none_weight": 0.25}}
    task = task_of(tiny_models["bert"], **settings)
    batch = task.batch(task.training_examples(COLUMNS))
    labels = batch["labels"]
    size = len(KINDS) + 2 + SLOTS
    shape = (*batch["input_ids"].shape, SLOTS * size)
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    parts = {"loss_class": 0.0, "loss_span": 0.0, "loss_refer": 0.0}
    for own, numbers in zip(logits.double(), labels.tolist(), strict=True):
        (first, last), rest = numbers[:2], numbers[2:]
        for slot in range(SLOTS):
            kind, start, end, referred = rest[4 * slot : 4 * slot + 4]
            of_slot = own[:, slot * size : (slot + 1) * size]
            weight = 0.25 / 7.25 if kind == 0 else 1 / 7.25
            parts["loss_class"] -= weight * float(log_softmax(of_slot[0, : len(KINDS)], 0)[kind])
            for place, column in ((start, len(KINDS)), (end, len(KINDS) + 1)):
                if place >= 0:
                    text = log_softmax(of_slot[first : last + 1, column], 0)
                    parts["loss_span"] -= float(text[place - first]) / 2
            if referred >= 0:
                others = [place for place in range(SLOTS) if place != slot]
                chosen = log_softmax(of_slot[0, len(KINDS) + 2 :][others], 0)
                parts["loss_refer"] -= float(chosen[others.index(referred)])
    assert all(parts.values())
    wanted = sum(parts[f"loss_{n[:-1]}"] * w for n, w in loss.items() if n == "spans")
    wanted += parts["loss_class"] * 0.5 + parts["loss_refer"] * 0.2
    turns = len(labels)
    assert float(task.loss(logits, labels, None)) == pytest.approx(wanted / turns, rel=1e-5)
    items = 2 * (labels != -100).sum()  # of a step of two such passes
    assert float(task.loss(logits, labels, items)) == pytest.approx(wanted / turns / 2, rel=1e-5)
    answers = list(task.answers(logits, labels))
    for name, total in {**parts, "loss": wanted}.items():
        assert sum(one.losses[name] for one in answers) == pytest.approx(total, rel=1e-5)
    assert sum(one.targets for one in answers) == turns


def test_the_span_of_the_highest_sum_is_taken() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 9, 2 * (len(KINDS) + 4), generator=generator)
    text = torch.tensor([[1, 7], [2, 2], [3, 6], [0, 8], [4, 5], [1, 8]])
    found = slot_outputs.logits_of(logits, text, 2)
    labels = slot_outputs.most_likely(found)
    own = logits.unflatten(-1, (2, -1))
    for row, slot in itertools.product(range(6), range(2)):
        first, last = text[row].tolist()
        spans = {
            (start, end): float(own[row, start, slot, 8] + own[row, end, slot, 9])
            for start in range(first, last + 1)
            for end in range(start, last + 1)
        }
        assert tuple(labels[row, slot, 1:3].tolist()) == max(spans, key=lambda span: spans[span])
        assert labels[row, slot, 0] == own[row, 0, slot, :8].argmax()
        assert labels[row, slot, 3] == 1 - slot  # of two slots the other


def test_outputs_are_named_in_their_order() -> None:
    names = slot_outputs.output_names(["a-x", "b-y"])
    assert len(names) == len(set(names)) == 2 * (8 + 2 + 2)
    assert names[:8] == [f"a-x: {kind}" for kind in KINDS]
    assert names[8:12] == ["a-x: start", "a-x: end", "a-x: refer a-x", "a-x: refer b-y"]
    assert names[12] == "b-y: none"


OF_THE_RUN = ("weight_norm", "learning_rate")

# --- runs --------------------------------------------------------------------------------------


def test_scores_are_those_of_the_checkpoint(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["bert"]
    found = scores_at(run(tiny.source, tmp_path), 4)
    assert set(found) == {
        *("loss", "loss_class", "loss_span", "loss_refer", "weight_norm", "learning_rate"),
        *("joint_goal_accuracy", "slot_accuracy", "oracle_joint_goal", "class_f1"),
    }
    folder = tmp_path / "checkpoints" / "4"
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder).eval()
    task = task_of(tiny)
    assert list(model.config.id2label.values()) == task.labels
    examples = task.held_out_examples(COLUMNS)
    answers = []
    for example in examples:  # one by one, without padding
        batch = task.batch([example])
        labels = batch.pop("labels")
        with torch.no_grad():
            answers += task.answers(model(**batch).logits, labels)
    means = {name: float(np.mean([a.losses[name] for a in answers])) for name in answers[0].losses}
    loss = means.pop("loss")
    predicted, gold = [a.predicted for a in answers], [a.gold for a in answers]
    wanted = task.scores(Predictions(loss, predicted, gold, means, examples))
    assert found == pytest.approx(wanted | {name: found[name] for name in OF_THE_RUN}, rel=1e-4)
    assert found["loss"] == pytest.approx(
        0.8 * found["loss_class"] + 0.1 * found["loss_span"] + 0.1 * found["loss_refer"]
    )


def test_states_are_learned(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    changes = {"steps": 120, "checkpoints": [120], "batch_size": 10, "learning_rate": 3e-3}
    records = run(tiny_models["bert"].source, tmp_path, **changes)
    early, late = scores_at(records, 0), scores_at(records, 120)
    assert early["joint_goal_accuracy"] < 0.3
    assert late["joint_goal_accuracy"] >= 0.8
    assert late["class_f1"] > 0.8
    assert early["oracle_joint_goal"] == late["oracle_joint_goal"] == 9 / 10


LORA = {"method": "lora", "lora": {"rank": 2, "dropout": 0.1}, "dropout": {"classifier": 0.3}}
FULL = {"method": "full", "freeze": ["layer.0"], "accumulate": 2, "score": ["train", "validation"]}


@pytest.mark.parametrize("changes", [LORA, FULL], ids=["lora", "full"])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
) -> None:
    source = tiny_models["bert"].source
    records = run(source, tmp_path / "whole", **changes)
    export: Callable[..., None] = checkpointing.export

    def interrupt(*arguments: Any) -> None:
        if Path(arguments[2]).name == "4":
            raise KeyboardInterrupt
        export(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(checkpointing, "export", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(source, tmp_path / "cut", **changes)
    assert run(source, tmp_path / "cut", **changes) == records
    whole, cut = (
        {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
        for folder in (tmp_path / "whole", tmp_path / "cut")
    )
    assert whole == cut
    assert len(whole) > 6


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_checkpoint_is_embedded_with_its_own_body(
    tiny_models: dict[str, TinyModel], tmp_path: Path, method: str
) -> None:
    source = tiny_models["bert"].source
    run(source, tmp_path, method=method, lora={"rank": 2}, freeze=["layer.0"])
    base, late = load_model(source), load_model(source, tmp_path / "checkpoints" / "4")
    changed = {
        name
        for name, weight in base.bert.named_parameters()
        if not torch.equal(weight, late.bert.get_parameter(name))
    }
    assert any(name.startswith("encoder.layer.1.") for name in changed)
    assert not any(name.startswith("encoder.layer.0.") for name in changed)
    head = "cls.predictions.transform.dense.weight"
    assert torch.equal(base.get_parameter(head), late.get_parameter(head))


def test_each_split_is_scored_by_itself(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    settings = settings_of(score=["train", "test", "validation"], evaluation_sequences=6)
    held_out, test = dialogue("b", [0, 2, 3, 1]), dialogue("c", [1])
    given = {"ontology": ONTOLOGY, "test": test}
    records = finetune(tiny_models["bert"].source, settings, COLUMNS, held_out, tmp_path, **given)
    alone = finetune(
        tiny_models["bert"].source,
        settings.model_copy(update={"score": ["validation"]}),
        *(COLUMNS, test, tmp_path / "alone"),
        ontology=ONTOLOGY,
    )
    assert {r.get("split") for r in records["scores"]} == {None, "train", "test"}
    found = scores_at(records, 4, "test")
    assert "weight_norm" not in found
    assert found == {k: v for k, v in scores_at(alone, 4).items() if k not in OF_THE_RUN}
    assert scores_at(records, 4, "train")["loss"] != scores_at(records, 4)["loss"]
    curves = {r["curve"] for r in records["curve"]}
    assert curves == {"training", "validation"}


# --- what does not fit -------------------------------------------------------------------------


def test_a_model_that_sees_nothing_to_the_right_is_refused(
    tiny_models: dict[str, TinyModel],
) -> None:
    tiny = tiny_models["llama"]
    told = r"dialogue_state reads the whole turn .* llama sees no token to the right"
    with pytest.raises(ValueError, match=told), quiet_loading():
        trainable(tiny.source, settings_of(), task_of(tiny))


GAP = {name: values[:2] + values[4:] for name, values in COLUMNS.items()}
LACKS = r"1 of 3 lack turns \(a\): data_prep\.choose"
TWICE = r"dialogue b has two user turns of number 2: number the turns of each dialogue 0, 1, 2"
NOWHERE = ModelSource("nowhere", "", "file:/nowhere", "encoder", 1, 2, "pretrained", 0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (GAP, LACKS),
        ({"turn": [*COLUMNS["turn"][:14], 2, *COLUMNS["turn"][15:]]}, TWICE),
        ({"state": None}, "task: dialogue_state learns from the columns state and .* has no state"),
        ({"state": ['{"sea-colour": "red"}'] * 20}, "the slot 'sea-colour', which its ontology"),
    ],
)
def test_bad_input_is_named_before_anything_is_loaded(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    columns = {k: v for k, v in (COLUMNS | changes).items() if v is not None}
    with pytest.raises(ValueError, match=told):
        run(NOWHERE, tmp_path, columns)


def test_gaps_matter_where_they_are_scored(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    short: Any = {"steps": 1, "checkpoints": [1]}
    whole, source = dialogue("b", [0, 2, 3, 1]), tiny_models["bert"].source
    records = finetune(source, settings_of(**short), GAP, whole, tmp_path, ontology=ONTOLOGY)
    assert scores_at(records, 1)["oracle_joint_goal"] == 1
    # Of the training split the first dialogue alone is scored.
    settings = settings_of(**{**short, "evaluation_sequences": 8}, score=["validation", "train"])
    with pytest.raises(ValueError, match=r"1 of 1 lack turns \(a\)"):
        finetune(NOWHERE, settings, GAP, whole, tmp_path / "train", ontology=ONTOLOGY)


def test_rows_may_be_in_any_order(tiny_models: dict[str, TinyModel]) -> None:
    moved = {name: values[::-1] for name, values in COLUMNS.items()}
    task = task_of(tiny_models["bert"], moved)
    examples = task.held_out_examples(moved)
    gold = [np.array(example.labels[2:]).reshape(SLOTS, 4) for example in examples]
    found = task.scores(Predictions(0.5, gold, gold, {}, examples))
    assert found["joint_goal_accuracy"] == 9 / 10


def test_slots_are_those_of_the_states_where_there_is_no_ontology(
    tiny_models: dict[str, TinyModel],
) -> None:
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    task = DialogueState(tokenizer, settings_of(), {}, COLUMNS)
    assert task.slots == sorted(ONTOLOGY)
    assert task.booleans == {"sea-free"}


def test_slots_that_no_state_has_are_left_out_where_asked(
    tiny_models: dict[str, TinyModel],
) -> None:
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    more = {"train-day": ["monday"], **ONTOLOGY}
    for slots, wanted in (("ontology", list(more)), ("occurring", list(ONTOLOGY))):
        settings = settings_of(dialogue_state={"slots": slots})
        task = DialogueState(tokenizer, settings, more, COLUMNS)
        assert task.slots == wanted
        assert len(task.labels) == len(wanted) * (len(wanted) + 10)
