"""Lengths of the token vectors."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.magnitude import rows_to_one
from lm_geometry.point_cloud.shapes import Float64


def norms(X: PointCloud, block: int = 4096) -> Float64[np.ndarray, "tokens"]:
    """The Euclidean length of every row of X `[tokens, width]`, float64 `[tokens]`.

    Summed in float64, `block` rows at a time: O(tokens · width) time, no copy of X but of a block.
    Exact but for rounding; there is no bias. X as `local_dimension` takes it.
    Raises ValueError for NaN or infinite values.
    """
    points = as_cloud(X, at_least=0)
    lengths = np.empty(len(points))
    for first in range(0, len(points), block):
        rows, powers = rows_to_one(points[first : first + block])
        found = np.sqrt(np.einsum("td,td->t", rows, rows))
        lengths[first : first + block] = np.ldexp(found, -powers)
    return lengths
