"""The angle between a token vector and its nearest neighbour."""

import numpy as np

from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.observables.cosine import unit_vectors
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.shapes import Float64


def nearest_neighbour_angle(
    X: PointCloud, graph: NeighbourGraph | None = None
) -> Float64[np.ndarray, "tokens"]:
    """The angle in radians between every row of X `[tokens, width]` and its nearest, `[tokens]`.

    The nearest by Euclidean distance, from `graph` where one is given. X as `local_dimension` takes
    it.

    Source: 2 atan2(|u − v|, |u + v|) of the unit vectors u, v (Kahan 2006), accurate near 0 and π,
    where the arccosine is not.
    Cost: the graph O(tokens² · width), the angles O(tokens · width); three float64 copies of X.
    Bias: smaller the more tokens there are: compare at the same number.
    Raises ValueError for a zero row, for NaN or infinite values, and for a graph of another number
    of tokens.
    """
    units = unit_vectors(X)
    near = graph or neighbour_graph(X, 1)
    if len(near) != len(units):
        raise ValueError(f"X has {len(units)} tokens, but its graph has {len(near)}")
    other = units[near.indices[:, 0]]
    return 2 * np.arctan2(
        np.linalg.norm(units - other, axis=1), np.linalg.norm(units + other, axis=1)
    )
