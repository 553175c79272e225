"""What a model's own forward pass says of each sequence alone: what the pipeline must equal."""

from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from lm_geometry.models.body import tokens_alone, without_cache
from tests.architectures.matrix import Read, sequences

CLOSE = 1e-5  # of a vector's norm, or of a nat


@torch.no_grad()
def expected(found: Read) -> tuple[np.ndarray, np.ndarray]:
    """The same from the whole model's own forward pass of one sequence at a time."""
    states, losses = [], []
    for one in sequences(found.model):
        ids = torch.tensor([one])
        both = bool(found.source.half)
        output = found.model(**_given(found.model, ids), output_hidden_states=True)
        own = output.get(f"{found.source.half}_hidden_states" if both else "hidden_states")
        states.append(torch.stack(list(own))[:, 0].float().numpy())
        losses.append(np.full(len(one), np.nan, dtype=np.float32))
        if not both and len(one) > 1:
            losses[-1][1:] = cross_entropy(output.logits[0, :-1], ids[0, 1:], reduction="none")
    return np.concatenate(states, axis=1), np.concatenate(losses)


@torch.no_grad()
def sees_right(found: Read) -> bool:
    """Whether the first token has other states where the last token is another one."""
    one = sequences(found.model)[0]
    firsts = []
    for last in (one[-1], one[0]):
        ids = torch.tensor([[*one[:-1], last]])
        both = bool(found.source.half)
        output = found.model(**_given(found.model, ids), output_hidden_states=True)
        own = output.get(f"{found.source.half}_hidden_states" if both else "hidden_states")
        firsts.append(torch.stack(list(own))[:, 0, :-1].double())
    change = (firsts[0] - firsts[1]).norm(dim=-1) / firsts[0].norm(dim=-1)
    return bool(change.max() > CLOSE)


def _given(model: Any, ids: torch.Tensor) -> dict[str, Any]:
    return {**tokens_alone(model, ids), **without_cache(model)}


def relative_error(ours: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference of two states, in units of the norm of the second."""
    assert ours.shape == reference.shape
    norms = np.linalg.norm(reference, axis=-1)
    return float((np.linalg.norm(ours - reference, axis=-1) / np.maximum(norms, 1e-30)).max())
