"""How often the neighbourhood relation holds both ways."""

import numpy as np

from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.shapes import Float64, Integer


@compiled
def _mutual(near, first, last):
    """How many pairs are neighbours both ways for every k from the larger of their ranks on."""
    entering = np.zeros(near.shape[1], np.int64)
    for token in range(first, last):
        for rank in range(near.shape[1]):
            back = near[near[token, rank]]
            for other in range(near.shape[1]):
                if back[other] == token:
                    entering[max(rank, other)] += 1
                    break
    return entering


def reciprocity(X: PointCloud | NeighbourGraph, n_neighbors: int = 31) -> float:
    """The share of pairs (token, one of its k nearest) in which the token is a neighbour as well.

    X is a cloud `[tokens, width]`, as `local_dimension` takes it, or the `neighbour_graph` of one;
    k is `n_neighbors`. 1 where all neighbourhoods are mutual; low where a few tokens, hubs, are
    near to many.

    Source: the reciprocity of a directed graph (Garlaschelli, Loffredo 2004, Physical Review
    Letters 93:268701), of the graph of k nearest neighbours.
    Cost: the graph O(tokens² · width), the count O(tokens · k²) time.
    Bias: chance is k / (tokens − 1); lower the higher the dimension of the cloud, hubs or not.
    Raises ValueError as `neighbour_graph`, and where the graph given has fewer neighbours.
    """
    graph = X if isinstance(X, NeighbourGraph) else neighbour_graph(X, n_neighbors)
    return float(reciprocity_from_indices(graph.nearest(n_neighbors).indices)[-1])


def reciprocity_from_indices(
    near: Integer[np.ndarray, "tokens k_max"],
) -> Float64[np.ndarray, "k_max"]:
    """The reciprocity for k = 1 … k_max, `[k_max]`, of neighbours `[tokens, k_max]`, nearest first.

    |E ∩ Eᵀ| / |E| of the directed graph of the k nearest.
    """
    lists = np.ascontiguousarray(near)
    entering = np.sum(over_rows(lambda a, b: _mutual(lists, a, b), len(lists)), axis=0)
    return np.cumsum(entering) / (len(near) * np.arange(1, near.shape[1] + 1))
