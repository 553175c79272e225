"""The mean of a cloud, and the directions that it spreads in."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lm_geometry.point_cloud.shapes import Float64

WELL = 1e-3  # smallest over largest eigenvalue of products from which they have digits enough
Rows = Float64[np.ndarray, "tokens width"]
Draw = Callable[[np.random.Generator], Rows]  # of a null model that is fitted


def about_mean(X: Rows) -> tuple[Float64[np.ndarray, "width"], Rows]:
    """The mean `[width]` of X `[tokens, width]`, and X minus it; zeros where all rows are equal."""
    rows = X - X[0]  # which leaves no rounding where rows are copies
    mean = rows.mean(axis=0)
    return X[0] + mean, rows - mean


class Directions(NamedTuple):
    """Singular vectors and values of a centred cloud: `places * sizes @ axes` is that cloud."""

    places: Float64[np.ndarray, "tokens rank"]  # orthonormal columns
    sizes: Float64[np.ndarray, "rank"]  # largest first; what rounding explains is left out
    axes: Float64[np.ndarray, "rank width"]  # orthonormal rows


def directions(centred: Rows) -> Directions:
    """The principal directions of a centred cloud `[tokens, width]`, float64; rank may be 0.

    Cost: O(tokens · width · min(tokens, width)) time. Not from the covariance, which holds half of
    the digits of a small direction beside a massive token.
    """
    places, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    rank = int((sizes > sizes[0] * max(centred.shape) * np.finfo(float).eps).sum())
    return Directions(places[:, :rank], sizes[:rank], axes[:rank])


def nearest_orthonormal(
    places: Float64[np.ndarray, "tokens rank"],
) -> Float64[np.ndarray, "tokens rank"]:
    """The nearest matrix of orthonormal columns, the polar factor; of normal ones it is uniform."""
    values, vectors = np.linalg.eigh(places.T @ places)
    if not len(values):
        return places
    if values[0] > WELL * values[-1]:
        return places @ ((vectors / np.sqrt(values)) @ vectors.T)
    left, _, right = np.linalg.svd(places, full_matrices=False)
    return left @ right
