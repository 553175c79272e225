"""Exact distances, by differences of the coordinates in float64."""

import numpy as np

from lm_geometry.neighbours.loops import compiled, compiled_sum
from lm_geometry.neighbours.ordering import lowest_first, sort_pairs


@compiled_sum
def squared_distance(x, y):
    """|x − y|² of two vectors `[width]` in float64; symmetric to the bit."""
    total = 0.0
    for c in range(x.size):
        difference = np.float64(x[c]) - np.float64(y[c])
        total += difference * difference
    return total


@compiled
def measure(X, rows, candidates, count, first, last, indices, distances):
    """Fills lists `first` to `last` with the nearest of the candidates of the tokens `rows`.

    A list of too few candidates ends with −1 at an infinite distance.
    """
    k = indices.shape[1]
    for r in range(first, last):
        n = count[r]
        squares = np.empty(n)
        tokens = candidates[r, :n].copy()
        for c in range(n):
            squares[c] = squared_distance(X[rows[r]], X[tokens[c]])
        sort_pairs(squares, tokens, n)
        enough = min(n, k)
        indices[r, :enough] = tokens[:enough]
        indices[r, enough:] = -1
        distances[r, :enough] = np.sqrt(squares[:enough])
        distances[r, enough:] = np.inf


@compiled
def measure_all(X, rows, first, last, indices, distances):
    """Fills lists `first` to `last` with the nearest of all tokens, no candidate left out."""
    n, k = X.shape[0], indices.shape[1]
    squares, ordered = np.empty(n), np.empty(n)
    tokens = np.empty(n, np.int32)
    for r in range(first, last):
        for token in range(n):
            squares[token] = squared_distance(X[rows[r]], X[token])
        squares[rows[r]] = np.inf
        ordered[:] = squares
        limit = lowest_first(ordered, tokens, n, k)
        near = 0
        for token in range(n):
            if squares[token] <= limit:
                ordered[near], tokens[near] = squares[token], token
                near += 1
        sort_pairs(ordered, tokens, near)
        indices[r] = tokens[:k]
        distances[r] = np.sqrt(ordered[:k])
