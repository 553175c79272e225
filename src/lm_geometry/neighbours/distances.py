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


@compiled_sum
def _four_squares(x, a, b, c, d):
    """|x − y|² of one vector with four: their rows come from memory side by side, twice as fast."""
    to_a = to_b = to_c = to_d = 0.0
    for i in range(x.size):
        own = np.float64(x[i])
        difference = own - np.float64(a[i])
        to_a += difference * difference
        difference = own - np.float64(b[i])
        to_b += difference * difference
        difference = own - np.float64(c[i])
        to_c += difference * difference
        difference = own - np.float64(d[i])
        to_d += difference * difference
    return to_a, to_b, to_c, to_d


@compiled
def squares_to(X, row, tokens, squares):
    """Fills `squares` with |x_row − x_t|² for the tokens t, all with the same rounding."""
    last = tokens.size - 1
    for c in range(0, tokens.size, 4):
        d, e, f = min(c + 1, last), min(c + 2, last), min(c + 3, last)
        squares[c], squares[d], squares[e], squares[f] = _four_squares(
            X[row], X[tokens[c]], X[tokens[d]], X[tokens[e]], X[tokens[f]]
        )


@compiled
def measure(X, rows, names, candidates, count, first, last, indices, distances):
    """Fills the lists of the tokens `rows[first:last]` with the nearest of their candidates.

    `candidates[r]` are those of `rows[r]`, and c among them stands for the token `names[c]`. A list
    is written to its token's own place; one of too few candidates ends with −1 at an infinite
    distance.
    """
    k = indices.shape[1]
    squares = np.empty(candidates.shape[1])
    for r in range(first, last):
        n, row = count[r], rows[r]
        tokens = np.empty(n, np.int32)
        for c in range(n):
            tokens[c] = names[candidates[r, c]]
        squares_to(X, row, tokens, squares[:n])
        sort_pairs(squares, tokens, n)
        enough = min(n, k)
        indices[row, :enough] = tokens[:enough]
        indices[row, enough:] = -1
        distances[row, :enough] = np.sqrt(squares[:enough])
        distances[row, enough:] = np.inf


@compiled
def measure_all(X, rows, first, last, indices, distances):
    """Fills lists `first` to `last`, those of the tokens `rows`, with the nearest of all tokens."""
    n, k = X.shape[0], indices.shape[1]
    squares, ordered = np.empty(n), np.empty(n)
    everyone = np.arange(n).astype(np.int32)
    tokens = np.empty(n, np.int32)
    for r in range(first, last):
        row = rows[r]
        squares_to(X, row, everyone, squares)
        squares[row] = np.inf
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
