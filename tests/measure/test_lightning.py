"""The callback in a Trainer of Lightning: heard by its loggers, and changing nothing."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_geometry.measure.callback import LocalDimensionCallback
from lm_geometry.measure.in_lightning import model_of
from tests.conftest import TinyModel
from tests.measure.training import SMALL, TEXTS

KEY = "local_dimension/layer_3"


def test_without_lightning_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(ImportError, match=r"pip install 'lm-geometry\[lightning\]'"):
        LocalDimensionCallback(TEXTS).lightning()


def test_the_model_is_the_only_one_or_the_one_that_is_named(
    tiny_models: dict[str, TinyModel],
) -> None:
    module = torch.nn.Module()
    module.head = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="has no model of transformers; name the attribute"):
        model_of(module, "")
    module.student = AutoModelForCausalLM.from_pretrained(tiny_models["llama"].folder)
    assert model_of(module, "") is module.student
    module.teacher = AutoModelForCausalLM.from_pretrained(tiny_models["gpt2"].folder)
    with pytest.raises(ValueError, match="has student, teacher; name the attribute"):
        model_of(module, "")
    assert model_of(module, "teacher") is module.teacher
    with pytest.raises(ValueError, match="has no module critic"):
        model_of(module, "critic")


def trained(
    tiny: TinyModel, folder: Path, steps: int, callbacks: list[Any], resumed: Path | None = None
) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Weights after a training with dropout, of two batches a step, and what its logger heard."""
    lightning = pytest.importorskip(
        "lightning.pytorch", reason="requirements/lightning.txt is not installed"
    )
    from lightning.pytorch.loggers.logger import DummyLogger  # pyright: ignore[reportMissingImports]

    tokenizer = AutoTokenizer.from_pretrained(tiny.folder)
    ids = [tokenizer(text, truncation=True, max_length=24)["input_ids"] for text in TEXTS]
    rows = [torch.tensor(one[: min(map(len, ids))]) for one in ids]
    heard: list[dict[str, float]] = []

    class Heard(DummyLogger):
        def log_metrics(self, metrics: Any, step: int) -> None:
            heard.append({"step": step, **metrics})

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModelForCausalLM.from_pretrained(tiny.folder, attention_dropout=0.2)
            self.model.train()

        def training_step(self, batch: torch.Tensor) -> torch.Tensor:
            return self.model(input_ids=batch, labels=batch).loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=1e-2)

    torch.manual_seed(0)
    module = Module()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=steps,
        accumulate_grad_batches=2,
        default_root_dir=folder,
        logger=Heard(),
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches = torch.utils.data.DataLoader(rows, batch_size=2)
    trainer.fit(module, batches, ckpt_path=resumed)
    trainer.save_checkpoint(folder / "last.ckpt")
    return {name: own.clone() for name, own in module.state_dict().items()}, heard


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Lightning's own, on data loaders and the like
def test_trained_weights_are_bit_equal_and_its_logger_hears(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["llama"]
    tokenizer = AutoTokenizer.from_pretrained(tiny.folder)

    def watch() -> LocalDimensionCallback:
        own: Any = SMALL | {"signals": ("rankme", "distance_moved"), "tokenizer": tokenizer}
        return LocalDimensionCallback(TEXTS, every=2, budget=None, **own)

    without, _ = trained(tiny, tmp_path / "without", 6, [])
    one = watch()
    watched, heard = trained(tiny, tmp_path / "with", 6, [one.lightning()])
    assert all(torch.equal(without[name], own) for name, own in watched.items())
    assert [line["step"] for line in one.history] == [0, 2, 4, 6]
    assert heard == one.history
    assert heard[0][KEY] != heard[-1][KEY]
    assert heard[-1][f"{KEY}/distance_moved"] > heard[1][f"{KEY}/distance_moved"] > 0
    file = tmp_path / "with/local_dimension.jsonl"
    assert [json.loads(line) for line in file.read_text().splitlines()] == one.history
    again = watch()
    trained(tiny, tmp_path / "with", 8, [again.lightning("model")], tmp_path / "with/last.ckpt")
    assert [line["step"] for line in again.history] == [8]  # 6 stands in the file
    steps = [json.loads(line)["step"] for line in file.read_text().splitlines()]
    assert steps == [0, 2, 4, 6, 8]
    (last,) = again.history  # compared with the start of the training that it goes on from
    assert last[f"{KEY}/change"] == pytest.approx(last[KEY] - one.history[0][KEY], abs=1e-9)
    assert last[f"{KEY}/distance_moved"] > one.history[-1][f"{KEY}/distance_moved"]
