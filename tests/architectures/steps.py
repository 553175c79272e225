"""One step of training of a small model, with adapters or of every weight."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lm_geometry.finetune.checkpointing import export
from lm_geometry.finetune.fine_tuning import make_task
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.scored_trainer import mean_loss
from lm_geometry.finetune.trainable import trainable
from lm_geometry.models.body import tokens_alone, without_cache
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from tests.architectures.matrix import Read, assert_same_weights, sequences, texts

MERGED = 1e-4  # of the largest logit: adapters are added to the weights, not to their products
TASKS = {"encoder": "masked_lm", "decoder": "causal_lm", "encoder-decoder": "sequence_to_sequence"}


def task_of(found: Read) -> str:
    """The task of language of the model's kind."""
    return TASKS[found.source.kind]


def step(found: Read, method: str, folder: Path) -> None:
    """Train one step, save, load again: the trained weights move, and the rest does not."""
    settings = Finetune.model_validate(
        {"task": task_of(found), "method": method, "block_tokens": 12, "mask_probability": 0.4}
        | ({"batch_size": 1} if found.findings.padding_leaks else {})
    )
    columns = {"text": texts(12)}
    with quiet_loading():
        task = make_task(settings, load_tokenizer(found.source), columns, columns)
        model: Any = trainable(found.source, settings, task)
    model.train()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    chosen = task.training_examples(columns)[: settings.batch_size]
    examples = [replace(one, index=n) for n, one in enumerate(chosen)]
    batch = task.batch(examples)
    labels = batch.pop("labels")
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=0.05)
    loss = mean_loss(task)(model(**batch, **without_cache(model)), labels)
    assert torch.isfinite(loss)
    loss.backward()
    optimiser.step()
    moved = {n for n, w in model.named_parameters() if not torch.equal(w, before[n])}
    if method == "lora":
        assert all("lora_" in name for name in moved)
    assert moved
    assert all(torch.isfinite(weight).all() for weight in model.parameters())
    model.eval()
    with quiet_loading():
        export(model, found.source, folder)
    loaded = load_model(found.source, folder)
    if method == "full":
        assert_same_weights(loaded, model)
    again, trained_logits = _logits(loaded), _logits(model)
    assert (again - trained_logits).abs().max() <= MERGED * trained_logits.abs().max()


@torch.no_grad()
def _logits(model: Any) -> torch.Tensor:
    ids = torch.tensor([sequences(model)[0]])
    return model(**tokens_alone(model, ids), **without_cache(model)).logits
