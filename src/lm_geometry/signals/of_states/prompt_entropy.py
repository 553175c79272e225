"""Prompt entropy: how evenly the directions of one text's tokens share its variance."""

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.of_states.sequences import each_sequence


def prompt_entropy(states: PointCloud, sequences: npt.ArrayLike) -> float:
    """The mean over sequences of the matrix entropy −Σ λ ln λ of their Gram matrix, in nats.

    λ are the eigenvalues of K / tr K with K = Z Zᵀ, Z `[rows, width]` a sequence's states as they
    are, not centred. `sequences` `[tokens]` tells each token's. Sequences of one token have none
    and are left out. The published code sets negative entries of K to 0, which may leave no Gram
    matrix; the paper has no such step, and it is left out here.

    Source: Skean et al. 2025, arXiv:2502.02013, prompt entropy with α → 1, not normalised.
    Class: no labels at all.
    Cost: O(rows · width · min(rows, width)) a sequence.
    Range: 0 … ln of the smaller of width and the longest sequence.
    Raises ValueError as `each_sequence`, and for a sequence of zeros.
    """
    with single_threaded_blas():
        return float(np.mean([_entropy(rows) for rows in each_sequence(states, sequences, 2)]))


def _entropy(rows: Float64[np.ndarray, "rows width"]) -> float:
    largest = np.abs(rows).max()
    if largest == 0:
        raise ValueError("states of a sequence are all 0, which has no direction")
    rows = rows / largest
    wide = rows.shape[0] < rows.shape[1]
    values = np.linalg.eigvalsh(rows @ rows.T if wide else rows.T @ rows)
    shares = values[values > 0] / values[values > 0].sum()
    return float(-(shares * np.log(shares)).sum())


PROMPT_ENTROPY = Signal(
    name="prompt_entropy",
    function=prompt_entropy,
    labels="none",
    source="arXiv:2502.02013",
    cost="O(N w m), m = min(length, w)",
    needs=("states", "sequences"),
    range=(-1e-9, np.inf),
)
