"""The angle between a token vector and its nearest neighbour."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.observables.cosine import unit_vectors


def nearest_neighbour_angle(X: Any, graph: NeighbourGraph | None = None) -> NDArray[np.float64]:
    """The angle in radians between every row of X `[tokens, width]` and its nearest, `[tokens]`.

    The nearest by Euclidean distance, from `graph` where one is given. Computed from the sum and
    the difference of the unit vectors, accurate near 0 and π as well. Raises ValueError for a zero
    row.
    """
    units = unit_vectors(X)
    nearest = (graph or neighbour_graph(X, 1)).indices[:, 0]
    other = units[nearest]
    return 2 * np.arctan2(
        np.linalg.norm(units - other, axis=1), np.linalg.norm(units + other, axis=1)
    )
