"""Removing the copies of a token vector, which every ratio of distances needs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.point_cloud.identical import as_grouped_cloud


def deduplicate(X: Any) -> NDArray[np.int64]:
    """The rows of X `[tokens, width]` that equal no earlier row, in their order, int64 `[kept]`.

    Exact, by the values as they are stored; −0.0 equals 0.0. `X[deduplicate(X)]` has no copies.
    Raises ValueError for NaN or infinite values.
    """
    points, first = as_grouped_cloud(X, at_least=0)
    return np.flatnonzero(first == np.arange(len(points)))
