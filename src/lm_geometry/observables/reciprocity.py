"""How often the neighbourhood relation holds both ways."""

import numpy as np

from lm_geometry.neighbours import NeighbourGraph
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


def reciprocity(graph: NeighbourGraph, n_neighbors: int) -> float:
    """The share of pairs (token, one of its neighbours) in which the token is a neighbour as well.

    1 where all neighbourhoods are mutual; low where a few tokens, hubs, are near to many.
    """
    indices: np.ndarray = graph.nearest(n_neighbors).indices
    pairs = over_rows(lambda first, last: _mutual(indices, first, last), len(graph))
    return sum(pairs) / indices.size
