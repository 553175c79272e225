"""Linear similarity of two representations of the same tokens."""

from typing import Any

import numpy as np

from lm_geometry.neighbours.cloud import as_cloud


def linear_cka(A: Any, B: Any) -> float:
    """Linear centred kernel alignment of A `[tokens, width]` and B `[tokens, width']`, in [0, 1].

    |BᵀA|² / (|AᵀA| |BᵀB|) in Frobenius norms, columns centred (Kornblith et al. 2019, ICML). NaN
    where all rows of a side are equal. Raises ValueError where the numbers of tokens differ.
    """
    first, second = (as_cloud(X, at_least=2).astype(np.float64) for X in (A, B))
    if len(first) != len(second):
        raise ValueError(f"A has {len(A)} tokens and B has {len(B)}; rows must be the same tokens")
    first -= first.mean(axis=0)
    second -= second.mean(axis=0)
    across = np.linalg.norm(second.T @ first) ** 2
    within = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    with np.errstate(invalid="ignore"):
        return float(np.divide(across, within))
