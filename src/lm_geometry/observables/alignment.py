"""Linear similarity of two representations of the same tokens."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.magnitude import centred_to_one


def linear_cka(A: PointCloud, B: PointCloud) -> float:
    """Linear centred kernel alignment of A `[tokens, width]` and B `[tokens, width']`, in [0, 1].

    |BᵀA|² / (|AᵀA| |BᵀB|) in Frobenius norms, columns centred, where row i of both is the same
    token. NaN where all rows of a side are equal. Clouds as `local_dimension` takes them.

    Source: Kornblith, Norouzi, Lee, Hinton 2019, ICML: CKA with linear kernels.
    Cost: O(tokens · width²) time; a float64 copy of both clouds and three products
    `[width, width]`. For fewer tokens than coordinates O(tokens² · width), products `[tokens,
    tokens]`.
    Bias: unrelated clouds read above 0, round ones √(w w' / ((n + w)(n + w'))) for n tokens and
    widths w, w'. A few tokens of huge norm decide it alone.
    Raises ValueError where the numbers of tokens differ, and for NaN or infinite values.
    """
    clouds = [as_cloud(X, at_least=2) for X in (A, B)]
    if len(clouds[0]) != len(clouds[1]):
        raise ValueError(f"A has {len(A)} tokens and B has {len(B)}; rows must be the same tokens")
    first, second = (centred_to_one(X)[0] for X in clouds)
    if len(first) < max(first.shape[1], second.shape[1]):
        kernels = first @ first.T, second @ second.T
        across = np.vdot(*kernels)
    else:
        kernels = first.T @ first, second.T @ second
        across = np.linalg.norm(second.T @ first) ** 2
    with np.errstate(invalid="ignore"):
        return float(np.divide(across, np.linalg.norm(kernels[0]) * np.linalg.norm(kernels[1])))
