"""Removing the copies of a token vector, which every ratio of distances needs."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.identical import as_grouped_cloud
from lm_geometry.point_cloud.shapes import Int64


def deduplicate(X: PointCloud) -> Int64[np.ndarray, "kept"]:
    """The rows of X `[tokens, width]` that equal no earlier row, in their order, int64 `[kept]`.

    Exact, by the values as they are stored; −0.0 equals 0.0. `X[deduplicate(X)]` has no copies.
    Raises ValueError for NaN or infinite values.
    """
    points, first = as_grouped_cloud(X, at_least=0)
    return np.flatnonzero(first == np.arange(len(points)))
