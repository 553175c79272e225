"""Exact distances, by differences of the coordinates in float64."""

import numpy as np

from lm_geometry.neighbours.loops import compiled


@compiled
def squared_distance(x, y):
    """|x − y|² of two vectors `[width]` in float64.

    Eight sums side by side, in an order that does not depend on the processor: symmetric to the
    bit, and coordinates of zeros added at the end change nothing.
    """
    sums = np.zeros(8)
    width = x.size
    whole = width - width % 8
    for start in range(0, whole, 8):
        for lane in range(8):
            difference = np.float64(x[start + lane]) - np.float64(y[start + lane])
            sums[lane] += difference * difference
    for lane in range(width - whole):
        difference = np.float64(x[whole + lane]) - np.float64(y[whole + lane])
        sums[lane] += difference * difference
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))


@compiled
def _sort(squares, tokens):
    order = np.argsort(squares)
    squares[:] = squares[order]
    tokens[:] = tokens[order]
    for i in range(1, squares.size):  # ties by index
        j = i
        while j > 0 and squares[j - 1] == squares[j] and tokens[j - 1] > tokens[j]:
            tokens[j - 1], tokens[j] = tokens[j], tokens[j - 1]
            j -= 1


@compiled
def measure(X, rows, candidates, count, first, last, indices, distances):
    """Fills lists `first` to `last` with the nearest of the candidates of the tokens `rows`."""
    k = indices.shape[1]
    for r in range(first, last):
        n = count[r]
        squares = np.empty(n)
        tokens = candidates[r, :n].copy()
        for c in range(n):
            squares[c] = squared_distance(X[rows[r]], X[tokens[c]])
        _sort(squares, tokens)
        indices[r] = tokens[:k]
        distances[r] = np.sqrt(squares[:k])


@compiled
def measure_all(X, rows, first, last, indices, distances):
    """Fills lists `first` to `last` with the nearest of all tokens, no candidate left out."""
    n, k = X.shape[0], indices.shape[1]
    for r in range(first, last):
        squares = np.empty(n)
        for token in range(n):
            squares[token] = squared_distance(X[rows[r]], X[token])
        squares[rows[r]] = np.inf
        limit = np.partition(squares, k - 1)[k - 1]
        tokens = np.flatnonzero(squares <= limit).astype(indices.dtype)
        near = squares[tokens]
        _sort(near, tokens)
        indices[r] = tokens[:k]
        distances[r] = np.sqrt(near[:k])
