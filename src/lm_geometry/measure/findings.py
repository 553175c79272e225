"""What must be known of a model whose weights are spread over processes, before states are read.

`models.probe` finds out more, and calls modules by themselves, which no other process would.
"""

import torch
from transformers import PreTrainedModel

from lm_geometry.models.body import body_pass
from lm_geometry.models.probe import ROUNDING, Findings, difference, short_and_long


@torch.inference_mode()
def findings_in_passes(
    model: PreTrainedModel, half: str, padding_id: int
) -> tuple[Findings, torch.dtype]:
    """Layers, width, and whether a sequence that is filled up has other states; the states' dtype.

    What else `Findings` has is not asked. Raises ValueError for a model without a state for each
    token at each layer, and for states that are no numbers.
    """
    short, long = short_and_long(model)
    alone = body_pass(model, short, half=half).states
    if any(not bool(torch.isfinite(states).all()) for states in alone):
        raise ValueError(
            f"{type(model).__name__} has states that are no numbers (NaN or infinite): its weights "
            f"are damaged, or too large for {alone[0].dtype}"
        )
    own = slice(0, short.shape[1])
    mask = torch.ones_like(torch.cat([long, long]))
    mask[0, short.shape[1] :] = 0
    change = 0.0
    for filler in (padding_id, int(long[0, 0])):
        ids = torch.cat([torch.full_like(long, filler), long])
        ids[0, own] = short[0]
        padded = body_pass(model, ids, mask, half).states
        pairs = zip(alone, padded, strict=True)
        change = max(change, *(difference(one, other[:1], own) for one, other in pairs))
    found = Findings(
        layers=len(alone) - 1,
        width=alone[0].shape[-1],
        sees_right=True,
        padding_leaks=change > ROUNDING[alone[0].dtype],
        embeddings_first=False,
        last_after_norm=False,
        losses="none",
        no_losses="its weights are spread over processes",
    )
    return found, alone[0].dtype
