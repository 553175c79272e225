"""Cross-entropy of tokens under a model's own head, of which few logits exist at once."""

import numpy as np
import torch
from transformers import PreTrainedModel

from lm_geometry.models.body import head_logits
from lm_geometry.point_cloud.shapes import Float, Float32, Int64

LOSS_CHUNK = 1024  # tokens whose logits are in memory at once


@torch.inference_mode()
def token_losses(
    model: PreTrainedModel,
    states: Float[torch.Tensor, "tokens width"],
    targets: Int64[np.ndarray, "tokens"],
) -> Float32[np.ndarray, "tokens"]:
    """Cross-entropy in nat of `targets`, predicted from last states.

    The head is the model's own, with all that its architecture does after it (a dense layer and
    a norm in masked language models, soft caps and scales of logits in causal ones). Logits are
    made for `LOSS_CHUNK` tokens at a time, and upcast to float32. Usable where the probe found
    losses `from the last states`.
    """
    losses = np.empty(len(targets), dtype=np.float32)
    ids = torch.from_numpy(targets).to(states.device)
    for start in range(0, len(targets), LOSS_CHUNK):
        chunk = slice(start, start + LOSS_CHUNK)
        logits = head_logits(model, states[chunk], ids[chunk])
        losses[chunk] = _cross_entropy(logits, ids[chunk])
    return losses


@torch.inference_mode()
def losses_of_logits(
    logits: Float[torch.Tensor, "sequences positions vocabulary"],
    where: tuple[Int64[torch.Tensor, "tokens"], Int64[torch.Tensor, "tokens"]],
    targets: Int64[np.ndarray, "tokens"],
) -> Float32[np.ndarray, "tokens"]:
    """Cross-entropy in nat of `targets` under a model's logits at `where`: sequence, position."""
    losses = np.empty(len(targets), dtype=np.float32)
    ids = torch.from_numpy(targets).to(logits.device)
    for start in range(0, len(targets), LOSS_CHUNK):
        chunk = slice(start, start + LOSS_CHUNK)
        sequences, positions = (part[chunk].to(logits.device) for part in where)
        losses[chunk] = _cross_entropy(logits[sequences, positions].float(), ids[chunk])
    return losses


def _cross_entropy(
    logits: Float[torch.Tensor, "tokens vocabulary"], targets: Int64[torch.Tensor, "tokens"]
) -> Float32[np.ndarray, "tokens"]:
    return torch.nn.functional.cross_entropy(logits, targets, reduction="none").cpu().numpy()
