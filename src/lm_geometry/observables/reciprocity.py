"""How often the neighbourhood relation holds both ways."""

from typing import Any

import numpy as np

from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.neighbours.loops import compiled, over_rows


@compiled
def _mutual(indices, first, last):
    pairs = 0
    for token in range(first, last):
        for neighbour in indices[token]:
            for back in indices[neighbour]:
                if back == token:
                    pairs += 1
                    break
    return pairs


def reciprocity(X: Any, n_neighbors: int = 31) -> float:
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
    indices: np.ndarray = graph.nearest(n_neighbors).indices
    pairs = over_rows(lambda first, last: _mutual(indices, first, last), len(graph))
    return sum(pairs) / indices.size
