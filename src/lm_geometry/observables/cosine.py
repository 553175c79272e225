"""Cosines between all pairs of token vectors of a cloud: its anisotropy."""

from typing import NamedTuple

import numpy as np

from lm_geometry.observables.norms import norms
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.magnitude import far_from_one, rows_to_one
from lm_geometry.point_cloud.shapes import Float64


class Cosine(NamedTuple):
    """Mean and standard deviation of the cosines of all pairs of tokens."""

    mean: float
    deviation: float


def unit_vectors(X: PointCloud) -> Float64[np.ndarray, "tokens width"]:
    """The rows of X over their lengths. Raises ValueError for a zero row."""
    points = as_cloud(X, at_least=2)
    if far_from_one(points):
        points = rows_to_one(points)[0]
    lengths = norms(points)
    zero = np.flatnonzero(lengths == 0)
    if zero.size:
        raise ValueError(f"X has {zero.size} zero rows (first: {zero[0]}), which have no direction")
    return points / lengths[:, None]


def mean_cosine(X: PointCloud, diagonal: bool = True) -> float:
    """The mean cosine of all pairs of rows of X `[tokens, width]`, with or without the diagonal.

    The squared length of the mean unit vector, so no pair is looked at. With the diagonal, as
    Viswanathan et al. published it, a token's cosine of 1 with itself counts. `cosine` has its
    standard deviation as well. X as `local_dimension` takes it.

    Source: Ethayarajh 2019, EMNLP (anisotropy, without the diagonal); Viswanathan et al. 2025,
    arXiv:2501.10573 (with it).
    Cost: O(tokens · width) time, a float64 copy of X.
    Bias: with the diagonal too high by (1 − m) / tokens, where m is the mean without it, which has
    none. One coordinate of large values decides it alone.
    Raises ValueError for a zero row, for NaN or infinite values, and for fewer than 2 tokens.
    """
    units = unit_vectors(X)
    n = len(units)
    total = float((units.sum(axis=0) ** 2).sum())
    return total / n**2 if diagonal else (total - n) / (n * (n - 1))


def cosine(X: PointCloud, diagonal: bool = True) -> Cosine:
    """Mean and standard deviation of the cosines of all pairs of rows of X `[tokens, width]`.

    The mean square is |UᵀU|² / n² for the unit vectors U (or |UUᵀ|², whichever is smaller); the
    deviation is that of the population of pairs.

    Source: as `mean_cosine`.
    Cost: O(tokens · width · min(tokens, width)) time, a float64 copy of X and one such product.
    Bias: of the mean as `mean_cosine`; of the deviation none.
    Raises ValueError as `mean_cosine`.
    """
    units = unit_vectors(X)
    n, width = units.shape
    total = float((units.sum(axis=0) ** 2).sum())
    products = units.T @ units if width < n else units @ units.T
    squares = float(np.einsum("ij,ij->", products, products))
    count = n**2
    if not diagonal:
        total, squares, count = total - n, squares - n, n * (n - 1)
    mean = total / count
    return Cosine(mean, max(squares / count - mean**2, 0.0) ** 0.5)
