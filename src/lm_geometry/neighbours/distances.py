"""Exact distances, by differences of the coordinates in float64."""

import numpy as np

from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.ordering import lowest_first, sort_pairs
from lm_geometry.point_cloud.summation import LANES, squared_distance


@compiled
def squares_to(X, row, tokens, squares):
    """Fills `squares` `[n]` with |x_row − x_t|² for the `tokens` t `[n]` of X `[tokens, width]`."""
    lanes = np.empty(LANES)
    for c in range(tokens.size):
        squares[c] = squared_distance(X[row], X[tokens[c]], lanes)


@compiled
def _write(lists, row, tokens, squares, found):
    """The first `found` of sorted pairs as a list, its end filled with −1 and infinite distances.

    One by one: to assign an array to a slice, numba compiles the words of an error of unlike sizes,
    which takes as long as all of `measure`.
    """
    indices, distances = lists.indices, lists.distances  # [lists, k]
    for place in range(indices.shape[1]):
        if place < found:
            indices[row, place] = tokens[place]
            distances[row, place] = np.sqrt(squares[place])
        else:
            indices[row, place] = -1
            distances[row, place] = np.inf


@compiled
def measure(X, rows, names, candidates, count, first, last, lists):
    """Fills the lists of the tokens `rows[first:last]` with the nearest of their candidates.

    `candidates[r]` are those of `rows[r]`, and c among them stands for the token `names[c]`. A list
    is written to its token's own place; one of too few candidates ends with −1 at an infinite
    distance.
    """
    squares = np.empty(candidates.shape[1])
    for r in range(first, last):
        n, row = count[r], rows[r]
        tokens = np.empty(n, np.int32)
        for c in range(n):
            tokens[c] = names[candidates[r, c]]
        squares_to(X, row, tokens, squares[:n])
        sort_pairs(squares, tokens, n)
        _write(lists, row, tokens, squares, n)


@compiled
def alike(labels, a, b):
    """Whether the tokens a and b have one of their `labels` `[tokens, kinds]` in common."""
    for kind in range(labels.shape[1]):  # noqa: SIM110 (compiled)
        if labels[a, kind] == labels[b, kind]:
            return True
    return False


@compiled
def measure_all(X, labels, rows, first, last, lists):
    """Fills lists `first` to `last`, those of the tokens `rows`, with the nearest of all tokens.

    Tokens alike in `labels` `[tokens, kinds]` do not count; a list that they leave too few for
    ends with −1 at an infinite distance.
    """
    n, k = X.shape[0], lists.indices.shape[1]
    squares, ordered = np.empty(n), np.empty(n)
    lanes, tokens = np.empty(LANES), np.empty(n, np.int32)
    for r in range(first, last):
        row = rows[r]
        for token in range(n):
            if token == row or alike(labels, row, token):
                squares[token] = np.inf
            else:
                squares[token] = squared_distance(X[row], X[token], lanes)
        for token in range(n):
            ordered[token] = squares[token]
        limit = lowest_first(ordered, tokens, n, k)
        near = 0
        for token in range(n):
            if squares[token] <= limit and squares[token] < np.inf:
                ordered[near], tokens[near] = squares[token], token
                near += 1
        sort_pairs(ordered, tokens, near)
        _write(lists, r, tokens, ordered, near)
