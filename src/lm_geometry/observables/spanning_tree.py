"""The shortest tree that joins the points of a cloud, by Prim's algorithm, its edges measured."""

import numpy as np

from lm_geometry.point_cloud.loops import compiled, single_threaded_blas
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.point_cloud.summation import LANES, squared_distance


def squared_distances(
    X: Float64[np.ndarray, "tokens width"],
) -> Float64[np.ndarray, "tokens tokens"]:
    """|x − y|² of all pairs of rows, from products: exact to the rounding of |x|² + |y|²."""
    with single_threaded_blas():  # its threads add in another order
        squares = X @ X.T
    lengths = squares.diagonal().copy()
    squares *= -2
    squares += lengths
    squares += lengths[:, None]
    return squares


@compiled
def spanning_tree(X, squares, tokens, lengths):
    """Fills `lengths` `[n − 1]` with those of the tree of the n `tokens`, rows of X `[_, width]`.

    `squares` `[_, _]` are the squared distances of all rows, by which edges are chosen (Prim 1957);
    those chosen are measured by differences of coordinates.
    """
    outside, joined_to = tokens[1:].copy(), np.empty(tokens.size - 1, tokens.dtype)
    nearest = np.full(outside.size, np.inf)
    newest, lanes = tokens[0], np.empty(LANES)
    for edge in range(lengths.size):
        left = lengths.size - edge
        least, place = np.inf, 0
        for c in range(left):
            square = squares[newest, outside[c]]
            if square < nearest[c]:
                nearest[c], joined_to[c] = square, newest
            if nearest[c] < least:
                least, place = nearest[c], c
        newest = outside[place]
        lengths[edge] = np.sqrt(squared_distance(X[joined_to[place]], X[newest], lanes))
        last = left - 1
        outside[place], joined_to[place] = outside[last], joined_to[last]
        nearest[place] = nearest[last]
