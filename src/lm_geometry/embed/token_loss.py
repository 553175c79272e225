"""Cross-entropy of tokens under a model's own head, of which few logits exist at once."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from lm_geometry.point_cloud.shapes import Float, Float32, Int64

LOSS_CHUNK = 1024  # tokens whose logits are in memory at once


@dataclass
class GivenStates(ModelOutput):
    """What a model without its head returns, as far as heads of any architecture ask for it."""

    last_hidden_state: torch.Tensor | None = None
    past_key_values: None = None
    hidden_states: None = None
    attentions: None = None
    cross_attentions: None = None
    router_logits: None = None


@torch.inference_mode()
def token_losses(
    model: PreTrainedModel,
    states: Float[torch.Tensor, "tokens width"],
    targets: Int64[np.ndarray, "tokens"],
) -> Float32[np.ndarray, "tokens"]:
    """Cross-entropy in nat of `targets`, predicted from last states.

    The head is the model's own, with all that its architecture does after it (a dense layer and
    a norm in masked language models, soft caps and scales of logits in causal ones). Logits are
    made for `LOSS_CHUNK` tokens at a time, and upcast to float32.
    """
    losses = np.empty(len(targets), dtype=np.float32)
    ids = torch.from_numpy(targets).to(states.device)
    for start in range(0, len(targets), LOSS_CHUNK):
        chunk = slice(start, start + LOSS_CHUNK)
        with _without_blocks(model, states[chunk]):
            logits = model(input_ids=ids[None, chunk]).logits[0].float()
        loss = torch.nn.functional.cross_entropy(logits, ids[chunk], reduction="none")
        losses[chunk] = loss.cpu().numpy()
    return losses


@contextlib.contextmanager
def _without_blocks(
    model: PreTrainedModel, states: Float[torch.Tensor, "tokens width"]
) -> Iterator[None]:
    """Lets `model` start from the last states of one sequence.

    Heads have another name and shape in every architecture; the forward method that joins the
    blocks and the head is the one thing that all have.
    """
    blocks = model.base_model
    own = vars(blocks).get("forward")
    blocks.forward = lambda *_, **__: GivenStates(last_hidden_state=states[None])
    try:
        yield
    finally:
        del blocks.forward
        if own is not None:
            blocks.forward = own
