"""Encoder-decoders that learn to write a label, or the rest of a text."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BartConfig, T5Config

from lm_geometry.finetune.fine_tuning import finetune, make_task
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.task import Task
from lm_geometry.finetune.trainable import trainable
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.outs.data_prep.model import ModelSource
from tests.conftest import TEXTS, WIDTH, TinyModel

LABELS = ["sea", "river", "", "the people of the sea", "sand", "river", "sea", "sand"]
COLUMNS: Columns = {"text": TEXTS, "label": LABELS}
SIZES: dict[str, Any] = {"t5": {"num_layers": 2, "d_ff": 48, "d_kv": 8, "num_heads": 4}}
SIZES["bart"] = {"encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 256}
SIZES["bart"] |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
SIZES["bart"] |= {"encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
STARTS = {"t5": 0, "bart": 2}  # [PAD] and [CLS]: tokens with which the decoder begins


def settings_of(**changes: Any) -> Finetune:
    short = {"task": "sequence_to_sequence", "target": "label", "method": "full", "batch_size": 4}
    more = {"steps": 80, "checkpoints": [80], "block_tokens": 40, "learning_rate": 4e-3}
    return Finetune.model_validate({**short, **more, **changes})


@pytest.fixture(scope="module", params=["t5", "bart"])
def source(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_models: dict[str, TinyModel],
) -> ModelSource:
    """A tiny T5 or BART with the tokenizer of the tiny BERT, which ends texts with [SEP]."""
    import transformers

    kind: str = request.param
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    known = {"vocab_size": len(tokenizer), "d_model": WIDTH, "dropout": 0.0}
    tokens = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": STARTS[kind]}
    config_class: Any = {"t5": T5Config, "bart": BartConfig}[kind]
    torch.manual_seed(0)
    config = config_class(**known, **tokens, **SIZES[kind], forced_eos_token_id=None)
    folder = tmp_path_factory.mktemp("writers") / kind
    with quiet_loading():
        transformers.AutoModelForSeq2SeqLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ModelSource(
        kind, kind, f"file:{folder}", "encoder-decoder", 2, WIDTH, "pretrained", 0, half="encoder"
    )


def made(source: ModelSource, columns: Columns = COLUMNS, **changes: Any) -> Task:
    """The task, which has met its model."""
    task = make_task(settings_of(**changes), load_tokenizer(source), columns, columns)
    with quiet_loading():
        trainable(source, task.settings, task)
    return task


def test_what_is_written_are_the_tokens_of_the_label(source: ModelSource) -> None:
    tokenizer, task = load_tokenizer(source), made(source)
    examples = task.training_examples(COLUMNS)
    batch = task.batch(examples)
    labelled = [(text, label) for text, label in zip(TEXTS, LABELS, strict=True) if label]
    assert len(examples) == len(labelled) == 7
    for row, (text, label) in enumerate(labelled):
        whole = tokenizer(text)["input_ids"]
        read = whole if len(whole) <= 40 else [*whole[:39], 3]
        written = tokenizer(label)["input_ids"]
        assert tokenizer.decode(written, skip_special_tokens=True) == label
        assert batch["input_ids"][row][batch["attention_mask"][row].bool()].tolist() == read
        labels = batch["labels"][row]
        assert labels[labels != -100].tolist() == written
        start = STARTS[source.name]
        given = batch["decoder_input_ids"][row].tolist()[: len(written)]
        assert given == [start, *written[:-1]]


def test_a_model_learns_to_write_the_label_of_each_text(
    source: ModelSource, tmp_path: Path
) -> None:
    settings = settings_of(steps=160, checkpoints=[160])
    records = finetune(source, settings, COLUMNS, COLUMNS, tmp_path)
    scores = {(r["step"], r["score"]): r["value"] for r in records["scores"]}
    assert scores[160, "loss"] < 0.02 * scores[0, "loss"]
    tokenizer, model = load_tokenizer(source), load_model(source, tmp_path / "checkpoints" / "160")
    for text, label in zip(TEXTS, LABELS, strict=True):
        ids = torch.tensor([tokenizer(text, truncation=True, max_length=40)["input_ids"]])
        given: Any = model
        written = given.generate(input_ids=ids, max_new_tokens=10, do_sample=False, num_beams=1)
        told = tokenizer.decode(written[0], skip_special_tokens=True)
        assert told == label or not label


def test_the_loss_of_base_is_that_of_the_model_itself(source: ModelSource, tmp_path: Path) -> None:
    short = settings_of(steps=1, checkpoints=[1], batch_size=2)
    records = finetune(source, short, COLUMNS, COLUMNS, tmp_path)
    found = next(r["value"] for r in records["scores"] if r["step"] == 0 and r["score"] == "loss")
    tokenizer, model = load_tokenizer(source), load_model(source)
    total, count = 0.0, 0
    for text, label in zip(TEXTS, LABELS, strict=True):
        if not label:
            continue
        ids = torch.tensor([tokenizer(text, truncation=True, max_length=40)["input_ids"]])
        labels = torch.tensor([tokenizer(label)["input_ids"]])
        with torch.no_grad():
            total += float(model(input_ids=ids, labels=labels).loss) * labels.shape[1]
        count += labels.shape[1]
    assert found == pytest.approx(total / count, rel=1e-5)


def test_next_text_is_the_second_half_after_the_first(source: ModelSource) -> None:
    tokenizer = load_tokenizer(source)
    found = made(source, {"text": TEXTS}, target="next_text").training_examples({"text": TEXTS})
    whole = tokenizer(TEXTS, truncation=True, max_length=40)["input_ids"]
    assert [one.input_ids + one.labels for one in found] == [ids for ids in whole if len(ids) > 3]
    assert all(0 <= len(one.labels) - len(one.input_ids) <= 1 for one in found)


def test_a_corpus_without_labels_is_told(source: ModelSource, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"finetune\.target: label of .* no label, only text"):
        made(source, {"text": TEXTS})
    empty: Columns = {"text": TEXTS, "label": [""] * len(TEXTS)}
    with pytest.raises(ValueError, match=r"nothing to learn from: .* a text with label"):
        finetune(source, settings_of(), empty, empty, tmp_path)
