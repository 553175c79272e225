"""From what a model's losses can be computed: its last states and its head, or all of it anew."""

from typing import Literal

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from lm_geometry.models.body import body_pass, head_logits, without_cache
from lm_geometry.point_cloud.shapes import Integer

Losses = Literal["from the last states", "from the whole model", "none"]


def losses_from(
    model: PreTrainedModel,
    sequences: tuple[Integer[torch.Tensor, "1 short"], Integer[torch.Tensor, "1 long"]],
    half: str,
    tolerance: float,
) -> tuple[Losses, str]:
    """From what losses can be computed so that they are those of the model's own logits.

    They may differ by `tolerance` relatively, or in nats below 1. Where there are none, why.
    """
    if half:
        return "none", "each half is given the whole text and has nothing to predict"
    if getattr(model, "drawn_head", False):
        return "none", "its head was drawn at random"
    try:
        alone = without_cache(model)
        own = torch.cat([model(input_ids=ids, **alone).logits[0].float() for ids in sequences])
    except Exception as error:  # anything that a head may need beside tokens
        return "none", f"no logits from tokens alone: {type(error).__name__}"
    tokens = sum(ids.shape[1] for ids in sequences)
    if own.shape[0] != tokens:
        return "none", "the model predicts no token at each position"
    states = torch.cat([body_pass(model, ids).last[0] for ids in sequences])
    order = torch.arange(tokens - 1, -1, -1, device=own.device)
    targets = (torch.arange(tokens, device=own.device) * 31) % own.shape[-1]
    expected = cross_entropy(own[order], targets, reduction="none")
    try:
        logits = head_logits(model, states.to(own.device)[order], targets)
    except Exception:  # whatever a head asks of the stand-in that it does not have
        return "from the whole model", ""
    if logits.shape != own.shape:
        return "from the whole model", ""
    found = cross_entropy(logits, targets, reduction="none")
    error = (found - expected).abs() / expected.abs().clamp_min(1)
    usable = bool((error <= tolerance).all())
    return ("from the last states" if usable else "from the whole model"), ""
