"""Hidden states of chosen tokens of equations, and which tokens can differ at all."""

from collections.abc import Sequence

import numpy as np
import torch

from lm_geometry.models.arithmetic import fast_path
from lm_geometry.models.arithmetic.equations import OPERANDS
from lm_geometry.models.arithmetic.model import ArithmeticTransformer
from lm_geometry.point_cloud.shapes import Float32, Int64

POSITIONS = {"all": (0, 1, 2, 3), "operands": OPERANDS}  # the two published choices of tokens


def distinct_tokens(
    ids: Int64[np.ndarray, "equations 4"], positions: Sequence[int] = POSITIONS["all"]
) -> tuple[Int64[np.ndarray, "tokens"], Int64[np.ndarray, "tokens"]]:
    """Equations and positions of the tokens with different states, in reading order.

    Attention is causal: a token's state depends on the tokens up to it, and of several equations
    with the same beginning the first stands for all. These are the tokens that remain of
    `positions` when exact copies are removed from the states of any layer but the embeddings.
    """
    first = np.zeros((len(ids), len(positions)), dtype=bool)
    for column, position in enumerate(positions):
        _, rows = np.unique(ids[:, : position + 1], axis=0, return_index=True)
        first[rows, column] = True
    equations, columns = np.nonzero(first)
    return equations, np.array(positions)[columns]


@torch.no_grad()
def token_states(
    model: ArithmeticTransformer,
    ids: Int64[np.ndarray, "equations 4"],
    equations: Int64[np.ndarray, "tokens"],
    positions: Int64[np.ndarray, "tokens"],
    layers: Sequence[int],
    at_once: int = 2048,
) -> Float32[np.ndarray, "layers tokens width"]:
    """States of tokens, given by equation and position.

    Layer 0 is the embedding output, i is after block i; negative ones count from the end, and the
    last is before the final norm. Only the equations asked for are computed, `at_once` of them in a
    pass. Passes are of equal size, the last one filled up, so that tokens with the same state by
    definition have the same bytes wherever they stand. Raises IndexError for an unknown layer.
    """
    needed, own = np.unique(equations, return_inverse=True)
    device = model.positions.weight.device
    found = np.empty((len(layers), len(equations), model.architecture.width), dtype=np.float32)
    for start in range(0, len(needed), at_once):
        numbers = np.resize(needed[start : start + at_once], at_once)
        states = fast_path.hidden_states(model, torch.from_numpy(ids[numbers]).to(device))
        tokens = np.flatnonzero((own >= start) & (own < start + at_once))
        rows = torch.from_numpy(own[tokens] - start), torch.from_numpy(positions[tokens])
        for array, layer in zip(found, layers, strict=True):
            array[tokens] = states[layer].cpu()[rows].numpy()
    return found
