"""Tasks: what is predicted, how it is scored, and what a checkpoint knows of it."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from sklearn.metrics import f1_score
from torch.nn.functional import log_softmax

from lm_geometry.finetune.arguments import training_arguments
from lm_geometry.finetune.division import Division
from lm_geometry.finetune.fine_tuning import Records, finetune, make_task, number_of_steps
from lm_geometry.finetune.learnable import judge_columns
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.blocks import ExampleStream
from lm_geometry.finetune.tasks.task import Predictions
from lm_geometry.finetune.tasks.token_classification import TokenClassification, first_tokens
from lm_geometry.finetune.trainable import trainable
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from tests.conftest import TEXTS, TinyModel

PLACES = ("sea", "river", "senate,", "sand")
WORDS = [text.split(" ") for text in TEXTS]
COLUMNS: dict[str, list[Any]] = {
    "text": TEXTS,
    "label": ["joy", "fear", "", "joy", "anger", "fear", "joy", "fear"],
    "words": WORDS,
    "tags": [["B-place" if word in PLACES else "O" for word in words] for words in WORDS],
}


def settings_of(**changes: Any) -> Finetune:
    short = {"steps": 3, "checkpoints": [3], "batch_size": 2, "block_tokens": 24}
    more = {"warmup_steps": 1, "learning_rate": 1e-2, "packing": False, "method": "full"}
    return Finetune.model_validate({**short, **more, **changes})


def run(tiny: TinyModel, work: Path, **changes: Any) -> Records:
    return finetune(tiny.source, settings_of(**changes), COLUMNS, COLUMNS, work)


def scores_at(records: Records, step: int) -> dict[str, float]:
    return {r["score"]: r["value"] for r in records["scores"] if r["step"] == step}


# --- scores ------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_loss_of_base_is_the_mean_over_all_next_tokens(
    tiny_models: dict[str, TinyModel], tmp_path: Path, batch_size: int
) -> None:
    tiny = tiny_models["llama"]
    found = scores_at(run(tiny, tmp_path, batch_size=batch_size), 0)
    tokenizer = load_tokenizer(tiny.source)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny.folder).eval()
    losses, right = [], []
    for text in TEXTS:
        ids = torch.tensor(tokenizer(text)["input_ids"][:24])
        with torch.no_grad():
            logits = model(ids[None]).logits[0, :-1].double()
        losses += (-log_softmax(logits, -1)[range(len(ids) - 1), ids[1:]]).tolist()
        right += (logits.argmax(-1) == ids[1:]).tolist()
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    assert found["perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-5)
    assert found["accuracy"] == pytest.approx(np.mean(right), abs=1e-12)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_norm_of_the_weights_is_that_of_each_checkpoint(
    tiny_models: dict[str, TinyModel], tmp_path: Path, method: str
) -> None:
    source = tiny_models["llama"].source
    settings = {"method": method, "lora": {"rank": 2}, "learning_rate": 0.1}
    records = run(tiny_models["llama"], tmp_path, checkpoints=[2, 3], **settings)
    norms = []
    for step in (0, 2, 3):
        folder = tmp_path / "checkpoints" / str(step) if step else None
        with quiet_loading():  # adapters are merged here
            weights = load_model(source, folder).parameters()
        norms.append(float(torch.cat([w.detach().double().ravel() for w in weights]).norm()))
    found = [scores_at(records, step)["weight_norm"] for step in (0, 2, 3)]
    assert found == pytest.approx(norms, rel=1e-6)
    assert len({round(norm, 2) for norm in norms}) == 3


def test_the_scores_of_a_classifier_are_those_of_its_checkpoint(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["bert"]
    found = scores_at(run(tiny, tmp_path, task="sequence_classification"), 3)
    folder = tmp_path / "checkpoints" / "3"
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert model.config.id2label == {0: "anger", 1: "fear", 2: "joy"}
    tokenizer = load_tokenizer(tiny.source)
    gold, predicted, losses = [], [], []
    for text, label in zip(TEXTS, COLUMNS["label"], strict=True):
        if label:
            ids = torch.tensor([tokenizer(text, truncation=True, max_length=24)["input_ids"]])
            with torch.no_grad():
                logits = model(ids).logits[0]
            gold.append(label)
            predicted.append(model.config.id2label[int(logits.argmax())])
            losses.append(-float(log_softmax(logits, -1)[model.config.label2id[label]]))
    assert len(gold) == 7
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["accuracy"] == np.mean([g == p for g, p in zip(gold, predicted, strict=True)])
    for mean in ("macro", "weighted"):
        wanted = f1_score(gold, predicted, average=mean, zero_division="warn")
        assert found[f"f1_{mean}"] == pytest.approx(wanted)


def test_f1_without_the_neutral_class_is_that_of_the_others(
    tiny_models: dict[str, TinyModel],
) -> None:
    settings = settings_of(task="sequence_classification", neutral="joy")
    task = make_task(settings, load_tokenizer(tiny_models["bert"].source), COLUMNS)
    assert task.labels == ["anger", "fear", "joy"]
    gold = [np.array([number]) for number in (0, 0, 1, 2, 2, 2)]
    guess = [np.array([number]) for number in (0, 2, 1, 2, 1, 2)]
    found = task.scores(Predictions(0.5, guess, gold))
    # anger: precision 1, recall 1/2; fear: 1/2, 1. Micro: 2 of 3 guesses, 2 of 3 true ones.
    of_others = {"macro": 2 / 3, "weighted": 2 / 3, "micro": 2 / 3}
    for mean, value in of_others.items():
        assert found[f"f1_{mean}_without_neutral"] == pytest.approx(value)
    assert found["f1_macro"] == pytest.approx((2 / 3 + 2 / 3 + 2 / 3) / 3)
    guess[0] = np.array([2])  # anger is never predicted; its share among the others is 2 of 3
    found = task.scores(Predictions(0.5, guess, gold))
    assert found["f1_macro_without_neutral"] == pytest.approx((0 + 2 / 3) / 2)
    assert found["f1_weighted_without_neutral"] == pytest.approx((0 * 2 + 2 / 3) / 3)
    assert found["f1_micro_without_neutral"] == pytest.approx(2 * (1 / 2) * (1 / 3) / (5 / 6))
    neutral_alone = [np.array([2])] * 2
    found = task.scores(Predictions(0.5, neutral_alone, neutral_alone))
    assert (found["f1_macro"], found["f1_macro_without_neutral"]) == (1, 0)
    plain = make_task(settings_of(task="sequence_classification"), task.tokenizer, COLUMNS)
    assert set(plain.scores(Predictions(0.5, guess, gold))) == {
        *("loss", "accuracy", "f1_macro", "f1_weighted"),
    }


@pytest.mark.parametrize(
    ("asked", "own"),
    [("balanced", [1 / 1, 1 / 3, 1 / 3]), ({"fear": 4.0}, [1, 4, 1]), ("none", [1, 1, 1])],
)
def test_classes_count_by_their_weights_and_on_average_once(
    tiny_models: dict[str, TinyModel], asked: Any, own: list[float]
) -> None:
    settings = settings_of(task="sequence_classification", class_weights=asked)
    task = make_task(settings, load_tokenizer(tiny_models["bert"].source), COLUMNS, COLUMNS)
    counts = [1, 3, 3]  # of anger, fear and joy among the seven labels
    mean = sum(w * c for w, c in zip(own, counts, strict=True)) / 7
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 1])
    each = -log_softmax(logits.double(), -1)[range(4), labels]
    wanted = float((each * torch.tensor(own, dtype=torch.float64)[labels]).sum()) / mean / 8
    assert float(task.loss(logits, labels, 8)) == pytest.approx(wanted, rel=1e-6)
    scored = sum(answer.losses["loss"] for answer in task.answers(logits, labels))
    assert scored == pytest.approx(float(each.sum()), rel=1e-6)  # held out, all count alike


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"neutral": "calm"}, "neutral: 'calm' is no class .* has anger, fear, joy"),
        ({"class_weights": {"calm": 2}}, "class_weights: 'calm' is no class"),
    ],
)
def test_classes_that_settings_name_are_there(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    nowhere = ModelSource("nowhere", "", "file:/nowhere", "encoder", 1, 2, "pretrained", 0)
    settings = settings_of(task="sequence_classification", **changes)
    with pytest.raises(ValueError, match=rf"finetune\.{told}"):
        finetune(nowhere, settings, COLUMNS, COLUMNS, tmp_path)


def test_classes_of_one_split_alone_are_told_by_name() -> None:
    settings = settings_of(task="sequence_classification")
    held_out = COLUMNS | {"label": ["joy", "disgust", "", "joy", "fear", "", "", ""]}
    assert judge_columns(settings, {"train": COLUMNS, "validation": held_out}, {}) == [
        "classes: 'anger' occurs in train alone: it is learned, and never scored",
        "classes: 'disgust' occurs in validation alone: it is scored, and never learned",
    ]
    assert judge_columns(settings, {"train": COLUMNS, "validation": COLUMNS}, {}) == []


def test_entities_are_scored_whole(tiny_models: dict[str, TinyModel]) -> None:
    columns = {"words": [["a"]], "tags": [["B-x", "I-x", "B-y", "I-y", "O"]], "text": ["a"]}
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    task = TokenClassification(tokenizer, settings_of(task="token_classification"), columns)
    number = {tag: place for place, tag in enumerate(task.labels)}
    gold = ["B-x", "I-x", "O", "B-y", "O"], ["B-x", "O"]
    guess = ["B-x", "O", "O", "B-y", "O"], ["B-y", "B-x"]
    numbers = [
        [np.array([number[tag] for tag in sequence]) for sequence in part] for part in (guess, gold)
    ]
    found = task.scores(Predictions(0.5, *numbers))
    # Of four guessed entities one is right: y of the first sequence; three are true.
    wanted = {"precision": 1 / 4, "recall": 1 / 3, "f1": 2 / 7, "accuracy": 4 / 7, "loss": 0.5}
    assert found == pytest.approx(wanted)


def test_token_classification_learns_its_tags(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    changes = {"steps": 100, "checkpoints": [50, 100], "batch_size": 4, "learning_rate": 3e-3}
    records = run(tiny_models["bert"], tmp_path, task="token_classification", **changes)
    assert {r["step"] for r in records["scores"]} == {0, 50, 100}
    late = scores_at(records, 100)
    of_the_run = {"weight_norm", "learning_rate"}
    assert set(late) == {"loss", "precision", "recall", "f1", "accuracy"} | of_the_run
    assert late["f1"] > 0.6
    assert scores_at(records, 0)["f1"] < 0.3
    curve = {r["step"]: r["loss"] for r in records["curve"] if r["curve"] == "validation"}
    assert curve[100] == late["loss"]


@pytest.mark.parametrize(
    ("name", "task", "dropout"),
    [
        ("bert", "masked_lm", {"hidden": 0.0, "attention": 0.0}),
        ("bert", "token_classification", {"hidden": 0.0, "attention": 0.0}),
        ("llama", "sequence_classification", {}),
        ("gpt2", "causal_lm", {"hidden": 0.0, "attention": 0.0, "embedding": 0.0}),
    ],
)
def test_the_loss_of_a_step_is_the_mean_over_all_its_targets(
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    name: str,
    task: str,
    dropout: dict[str, float],
) -> None:
    tiny = tiny_models[name]
    settings = settings_of(task=task, dropout=dropout, steps=1, checkpoints=[1], accumulate=2)
    records = finetune(tiny.source, settings, COLUMNS, COLUMNS, tmp_path)
    made = make_task(settings, load_tokenizer(tiny.source), COLUMNS, COLUMNS)
    model = trainable(tiny.source, settings, made).eval()
    seen = ExampleStream(made.training_examples(COLUMNS), 4, settings.seed)
    losses: list[float] = []
    for places in ((0, 1), (2, 3)):
        batch = made.batch([seen[place] for place in places])
        labels = batch.pop("labels").reshape(2, -1)
        with torch.no_grad():
            logits = model(**batch).logits.reshape(2, labels.shape[1], -1)
        if task == "causal_lm":
            logits, labels = logits[:, :-1], labels[:, 1:]
        chosen = labels != -100
        each = log_softmax(logits[chosen].double(), -1)
        losses += (-each[range(len(each)), labels[chosen]]).tolist()
    assert records["curve"][1]["curve"] == "training"
    assert records["curve"][1]["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


# --- labels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
def test_only_the_first_token_of_a_word_has_its_tag(
    tiny_models: dict[str, TinyModel], name: str
) -> None:
    tokenizer = load_tokenizer(tiny_models[name].source)
    for words in (*WORDS, ["", "two", "", "spaces", "", ""], ["naïve", "café", "…"]):
        text = " ".join(words)
        encoded = tokenizer(text, return_offsets_mapping=True)
        firsts = first_tokens(text, words, encoded["offset_mapping"])
        assert [word for word in firsts if word is not None] == [
            place for place, word in enumerate(words) if word
        ]
        starts = list(itertools.accumulate((len(word) + 1 for word in words), initial=0))
        for first, (start, end) in zip(firsts, encoded["offset_mapping"], strict=True):
            if first is not None:
                assert start <= starts[first] < end


def test_tags_agree_with_the_words_of_the_tokenizer(tiny_models: dict[str, TinyModel]) -> None:
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    settings = settings_of(task="token_classification", block_tokens=200)
    task = make_task(settings, tokenizer, COLUMNS, COLUMNS)
    batch = task.batch(task.training_examples(COLUMNS))
    for row, (words, tags) in enumerate(zip(WORDS, COLUMNS["tags"], strict=True)):
        encoded = tokenizer(words, is_split_into_words=True)
        assert batch["input_ids"][row][: len(encoded["input_ids"])].tolist() == encoded["input_ids"]
        last, wanted = None, []
        for word in encoded.word_ids():
            new = word is not None and word != last
            wanted.append(task.labels.index(tags[word]) if new else -100)
            last = word
        padding = [-100] * (len(batch["labels"][row]) - len(wanted))
        assert batch["labels"][row].tolist() == wanted + padding


@pytest.mark.parametrize(
    ("task", "changes", "told"),
    [
        ("token_classification", {"tags": None}, "words and tags.* has no tags, only text, label"),
        ("token_classification", {"tags": [["NN"]] * 8}, r"BIO tags .* has \['NN'\]"),
        ("sequence_classification", {"label": None}, "column.* has no label, only text, words"),
        ("sequence_classification", {"label": ["joy", ""] * 4}, r"two classes .* has \['joy'\]"),
    ],
)
def test_a_corpus_without_labels_is_told(
    tiny_models: dict[str, TinyModel], task: str, changes: dict[str, Any], told: str
) -> None:
    columns = {k: v for k, v in (COLUMNS | changes).items() if v is not None}
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    with pytest.raises(ValueError, match=rf"finetune\.task: {task} .*{told}"):
        make_task(settings_of(task=task), tokenizer, columns, columns)


def test_classes_of_both_splits_have_numbers(tiny_models: dict[str, TinyModel]) -> None:
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    held_out = COLUMNS | {"label": ["disgust"] * 8}
    task = make_task(settings_of(task="sequence_classification"), tokenizer, COLUMNS, held_out)
    assert task.labels == ["anger", "disgust", "fear", "joy"]


# --- checkpoints -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "task"), [("bert", "token_classification"), ("llama", "sequence_classification")]
)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_classifier_is_embedded_with_its_own_body_and_the_head_of_base(
    tiny_models: dict[str, TinyModel], tmp_path: Path, name: str, task: str, method: str
) -> None:
    tiny = tiny_models[name]
    run(tiny, tmp_path, task=task, method=method, lora={"rank": 2})
    folder = tmp_path / "checkpoints" / "3"
    config = transformers.AutoConfig.from_pretrained(folder)
    assert sorted(config.label2id) == sorted(
        {"B-place", "O"} if task == "token_classification" else {"anger", "fear", "joy"}
    )
    kind = {
        "token_classification": transformers.AutoModelForTokenClassification,
        "sequence_classification": transformers.AutoModelForSequenceClassification,
    }[task]
    base, embedded = load_model(tiny.source), load_model(tiny.source, folder)
    if method == "full":
        classifier = kind.from_pretrained(folder).eval()
    else:
        from peft import PeftModel

        classifier = kind.from_pretrained(tiny.folder, config=config).eval()
        with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
            classifier = PeftModel.from_pretrained(classifier, str(folder)).eval()
    ids = torch.tensor([load_tokenizer(tiny.source)(TEXTS[5])["input_ids"]])
    with torch.no_grad():
        wanted = classifier(ids, output_hidden_states=True).hidden_states
        found = embedded(ids, output_hidden_states=True).hidden_states
        before = base(ids, output_hidden_states=True).hidden_states
    assert len(wanted) == len(found) == tiny.source.layers + 1
    for one, other in zip(wanted, found, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    assert (found[-1] - before[-1]).abs().max() > 0.01
    head = "cls.predictions.transform.dense.weight" if name == "bert" else "lm_head.weight"
    assert torch.equal(embedded.get_parameter(head), base.get_parameter(head))


def test_a_masked_model_that_was_trained_whole_needs_nothing_but_its_tokenizer(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["bert"]
    found = scores_at(run(tiny, tmp_path / "first", task="masked_lm"), 3)
    kept = tmp_path / "first" / "checkpoints" / "3"
    _, told = transformers.AutoModelForMaskedLM.from_pretrained(kept, output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    load_tokenizer(tiny.source).save_pretrained(kept)
    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.data_prep.params import Model

    again = TinyModel(kept, resolve(Model.model_validate({"name": f"file:{kept}"}), seed=0))
    assert (again.source.kind, again.source.layers) == ("encoder", 2)
    at_start = scores_at(run(again, tmp_path / "second", task="masked_lm"), 0)
    del found["learning_rate"], at_start["learning_rate"]
    assert at_start == found


# --- length, schedule, precision, trackers -----------------------------------------------------


def test_epochs_and_regular_checkpoints_are_steps() -> None:
    published = settings_of(
        steps=None, epochs=5.0, checkpoints={"every": 400}, batch_size=8, accumulate=2
    )
    assert number_of_steps(published, 10_000) == 3125
    assert published.kept(3125) == [400, 800, 1200, 1600, 2000, 2400, 2800]
    assert published.known_checkpoints() is None
    dense = ["0.1 epochs", "0.5 epochs", 700, "every 2 epochs"]
    found = published.model_copy(update={"checkpoints": dense})
    assert found.kept(3125, 10_000) == [63, 313, 700, 1250, 2500]
    assert settings_of(steps=9, checkpoints=dense[:1]).known_checkpoints() is None
    assert settings_of(steps=9, checkpoints={"every": 4}).known_checkpoints() == [4, 8]
    assert settings_of(task="none", checkpoints={"every": 4}).known_checkpoints() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"epochs": 2.0}, "steps: 3 and epochs: 2.0: give one of them"),
        ({"steps": None}, "steps: None and epochs: None: give one of them"),
        ({"warmup_steps": 2.5}, "2.5 is neither a whole number nor a share below 1"),
        ({"schedule": "constant"}, "schedule constant has no warm-up; set it to 0"),
        ({"dropout": {"classifier": 0.1}}, "task causal_lm has no head of classes"),
    ],
)
def test_contradictory_settings_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        settings_of(**changes)


def test_a_run_too_short_for_its_checkpoints_is_told(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    changes = {"steps": None, "epochs": 1.0, "checkpoints": {"every": 5}}
    with pytest.raises(ValueError, match=r"checkpoints: none must lie within 1 … 4 steps"):
        run(tiny_models["llama"], tmp_path, **changes)


def test_a_share_of_the_steps_is_warm_up(tmp_path: Path) -> None:
    for warmup, steps in ((0.05, 5), (0.5, 50), (7, 7), (0, 0)):
        arguments = training_arguments(
            settings_of(warmup_steps=warmup), 100, tmp_path, "cpu", Division(0, 1, 1)
        )
        assert arguments.get_warmup_steps(100) == steps


def test_float16_is_refused_on_the_cpu(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"finetune\.precision: float16 needs an accelerator"):
        run(tiny_models["llama"], tmp_path, precision="float16")


def test_recomputed_activations_change_no_loss(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    kept = run(tiny_models["bert"], tmp_path / "a", task="masked_lm")
    again = run(tiny_models["bert"], tmp_path / "b", task="masked_lm", gradient_checkpointing=True)
    rounded = run(tiny_models["bert"], tmp_path / "c", task="masked_lm", precision="bfloat16")
    losses = [[r["loss"] for r in records["curve"]] for records in (kept, again, rounded)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert losses[2] == pytest.approx(losses[0], rel=0.05)
    assert losses[2] != pytest.approx(losses[0], rel=1e-6)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_blocks_are_computed_twice_where_activations_are_not_kept(
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    from transformers.models.llama.modeling_llama import LlamaMLP

    calls: list[bool] = []
    forward = LlamaMLP.forward

    def counted(self: Any, x: Any) -> Any:
        calls.append(torch.is_grad_enabled())
        return forward(self, x)

    monkeypatch.setattr(LlamaMLP, "forward", counted)
    found = {}
    for again in (False, True):
        calls.clear()
        changes: dict[str, Any] = {"method": method, "lora": {"rank": 2}, "steps": 1}
        changes |= {"checkpoints": [1], "gradient_checkpointing": again, "accumulate": 2}
        run(tiny_models["llama"], tmp_path / f"{again}", **changes)
        found[again] = sum(calls)
    assert found[False] == 3 * 2  # blocks, forward passes of the step
    assert found[True] in (3 * 2 * 2, 3 * 2)  # a pass without gradients may come first
    assert len(calls) > found[False]


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("constant", [1, 1, 1, 1]),
        ("constant_with_warmup", [0, 0.5, 1, 1]),
        ("linear", [0, 0.5, 1, 0.5]),
        ("cosine", [0, 0.5, 1, 0.5]),
        ("cosine_with_restarts", [0, 0.5, 1, 0.5]),
        ("polynomial", [0, 0.5, 1, 0.5]),
        ("inverse_sqrt", [0, 0.5, 1, (2 / 3) ** 0.5]),
    ],
)
def test_the_learning_rate_follows_its_schedule(
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    schedule: str,
    shares: list[float],
) -> None:
    rates: list[float] = []
    step = torch.optim.AdamW.step

    def recorded(self: Any, *given: Any, **more: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *given, **more)

    monkeypatch.setattr(torch.optim.AdamW, "step", recorded)
    warmup = 0 if schedule == "constant" else 0.5  # of four steps
    run(
        tiny_models["gpt2"],
        tmp_path,
        schedule=schedule,
        warmup_steps=warmup,
        steps=4,
        checkpoints=[4],
    )
    assert rates == pytest.approx([1e-2 * share for share in shares], rel=1e-4)


def test_a_tracker_sees_every_loss_and_changes_none(
    tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    from transformers.integrations import integration_utils

    seen: list[dict[str, Any]] = []
    places: list[str] = []

    class Tracker(transformers.TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            seen.append({"step": state.global_step, **logs})
            places.append(os.environ["TENSORBOARD_LOGGING_DIR"])

    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "tracker", Tracker)
    monkeypatch.setattr(
        integration_utils, "get_available_reporting_integrations", lambda: ["tracker"]
    )
    monkeypatch.setattr(machine, "scratch", lambda: tmp_path / "scratch")
    quiet = run(tiny_models["llama"], tmp_path / "a")
    watched = run(tiny_models["llama"], tmp_path / "b", report_to=["tracker"])
    assert watched == quiet
    assert not places[0].startswith(str(tmp_path / "b"))
    assert places[0] == str(tmp_path / "scratch" / "runs" / "llama-causal_lm-seed0")
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ
    validation = [entry["eval_loss"] for entry in seen if "eval_loss" in entry]
    curve = [r["loss"] for r in quiet["curve"] if r["curve"] == "validation"]
    assert validation == curve
    with pytest.raises(SystemExit, match=r"finetune\.report_to: wandb is not installed here"):
        run(tiny_models["llama"], tmp_path / "c", report_to=["wandb"])
    with pytest.raises(SystemExit, match=r"finetune\.report_to: nobody is not supported"):
        run(tiny_models["llama"], tmp_path / "d", report_to=["nobody"])
