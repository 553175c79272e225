"""The callback in trainers of TRL: trained weights are bit-equal with and without it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_geometry.measure.callback import LocalDimensionCallback
from tests.conftest import TinyModel
from tests.measure.training import SMALL, TEXTS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

KEY = "local_dimension/layer_3"
PROMPTS = [text[:40] for text in TEXTS]
ARGUMENTS: dict[str, Any] = {
    "per_device_train_batch_size": 2,
    "max_steps": 4,
    "learning_rate": 1e-2,
    "report_to": [],
    "disable_tqdm": True,
    "use_cpu": True,
    "bf16": False,
    "save_strategy": "no",
    "logging_steps": 2,
    "seed": 1,
}


def supervised(trl: Any) -> tuple[type, Any, Dataset, dict[str, Any]]:
    rows = Dataset.from_dict({"text": TEXTS})
    return trl.SFTTrainer, trl.SFTConfig, rows, {"max_length": 24}


def by_preference(trl: Any) -> tuple[type, Any, Dataset, dict[str, Any]]:
    columns = {"prompt": PROMPTS, "chosen": TEXTS, "rejected": TEXTS[::-1]}
    return trl.DPOTrainer, trl.DPOConfig, Dataset.from_dict(columns), {"max_length": 48}


def by_reward(trl: Any) -> tuple[type, Any, Dataset, dict[str, Any]]:
    own = {"num_generations": 2, "max_completion_length": 6}
    return trl.GRPOTrainer, trl.GRPOConfig, Dataset.from_dict({"prompt": PROMPTS}), own


def lengths(completions: list[str], **_: Any) -> list[float]:
    return [float(len(set(completion))) for completion in completions]


def trained(
    kind: Any, tiny: TinyModel, folder: Path, callbacks: list[Any]
) -> dict[str, torch.Tensor]:
    """Weights after a training with dropout."""
    trl = pytest.importorskip("trl", reason="pip install --no-deps trl==1.16.0")
    trainer_of, config_of, rows, own = kind(trl)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(tiny.folder, attention_dropout=0.2)
    tokenizer = AutoTokenizer.from_pretrained(tiny.folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    more = {"reward_funcs": lengths} if kind is by_reward else {}
    trainer = trainer_of(
        model=model,
        args=config_of(output_dir=str(folder), **ARGUMENTS, **own),
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=callbacks,
        **more,
    )
    trainer.train()
    return {name: own.clone() for name, own in model.state_dict().items()}


@pytest.mark.parametrize("kind", [supervised, by_preference, by_reward])
def test_trained_weights_are_bit_equal_and_the_log_hears(
    kind: Any, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["llama"]
    without = trained(kind, tiny, tmp_path / "without", [])
    again = trained(kind, tiny, tmp_path / "again", [])
    watch = LocalDimensionCallback(TEXTS, every=2, budget=None, **SMALL)
    watched = trained(kind, tiny, tmp_path / "with", [watch])
    assert all(torch.equal(without[name], own) for name, own in again.items())  # it is repeatable
    assert all(torch.equal(without[name], own) for name, own in watched.items())
    assert [line["step"] for line in watch.history] == [0, 2, 4]
    assert watch.history[-1][KEY] != watch.history[0][KEY]
    base = AutoModelForCausalLM.from_pretrained(tiny.folder).state_dict()
    assert any(not torch.equal(base[name], own) for name, own in watched.items())  # it trained
