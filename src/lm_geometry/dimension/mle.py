"""Levina and Bickel's maximum likelihood estimate from the distances to the k nearest neighbours.

Levina, Bickel 2004, NeurIPS 17. The global value is the harmonic mean of the local ones, which is
the maximum likelihood estimate of a common dimension: MacKay, Ghahramani 2005.
"""

import numpy as np

from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.counts import whole
from lm_geometry.point_cloud.shapes import Float64


def local_from_graph(
    graph: NeighbourGraph, n_neighbors: int, unbiased: bool = False
) -> Float64[np.ndarray, "tokens"]:
    """The maximum likelihood dimension around every token `[tokens]`, as scikit-dimension's `MLE`.

    (k − 1) / Σⱼ ln(r_k / r_j) over the k = `n_neighbors` distances of a token; k − 2 with
    `unbiased`. A copy of a row makes the sum infinite and the estimate 0; where all k distances are
    0 it is NaN, where they are equal it is infinite.

    Source: Levina, Bickel 2004, equation 8; k − 2 makes it unbiased for many neighbours.
    Cost: O(tokens · k) time and memory.
    Bias: too low, the more so the larger k and the dimension (14.0 of 20 at k = 100).
    Raises ValueError for fewer than 3 neighbours.
    """
    if whole(n_neighbors, "n_neighbors") < 3:
        raise ValueError(f"n_neighbors is {n_neighbors}; the MLE needs at least 3")
    distances = graph.nearest(n_neighbors).distances
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log(distances[:, -1:] / distances)
        return (n_neighbors - (2 if unbiased else 1)) / logarithms.sum(axis=1)


def global_from_graph(graph: NeighbourGraph, n_neighbors: int, unbiased: bool = False) -> float:
    """The dimension of the cloud: the harmonic mean of the local estimates."""
    with np.errstate(divide="ignore"):
        return float(1 / np.mean(1 / local_from_graph(graph, n_neighbors, unbiased)))
