"""How far the tokens of a cloud have moved from where they were."""

import numpy as np

from lm_geometry.observables.norms import norms
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.magnitude import in_range
from lm_geometry.point_cloud.shapes import Float, Float64

Rows = Float[np.ndarray, "tokens width"]


def distance_moved(X: PointCloud, base: PointCloud, relative: bool = False) -> float:
    """The mean Euclidean distance of the rows of X from those of `base`, both `[tokens, width]`.

    Row i of both is the same token. `relative` divides by the median norm of `base`. In units of
    the cloud without it. Clouds as `local_dimension` takes them.

    Source: mean of |xᵢ − bᵢ|, the distance from initialisation of a representation.
    Cost: O(tokens · width) time, a float64 copy of both.
    Bias: none; 0 means that nothing moved, and a step of noise is a distance, too.
    Raises ValueError where the shapes differ, for NaN or infinite values, and for a `relative` one
    where the median norm is 0.
    """
    (points, before), power = in_range(*_same_tokens(X, base))
    moved = float(norms(points.astype(np.float64) - before).mean())
    if not relative:
        with np.errstate(over="ignore"):
            return float(np.ldexp(moved, -power))
    median = float(np.median(norms(before)))
    if median == 0:
        raise ValueError("base has a median norm of 0; nothing is relative to that")
    return moved / median


def distances_moved(X: PointCloud, base: PointCloud) -> Float64[np.ndarray, "tokens"]:
    """The distance of every row of X from that of `base`, `[tokens]`; as `distance_moved`."""
    (points, before), power = in_range(*_same_tokens(X, base))
    with np.errstate(over="ignore"):
        return np.ldexp(norms(points.astype(np.float64) - before), -power)


def _same_tokens(X: PointCloud, base: PointCloud) -> tuple[Rows, Rows]:
    """Both as clouds; raises ValueError where their shapes differ."""
    points, before = as_cloud(X, at_least=1), as_cloud(base, at_least=1)
    if points.shape != before.shape:
        raise ValueError(
            f"X has shape {points.shape} and base {before.shape}; rows must be the same tokens"
        )
    return points, before
