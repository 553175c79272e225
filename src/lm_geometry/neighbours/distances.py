"""Exact distances, by differences of the coordinates in float64."""

import numpy as np

from lm_geometry.point_cloud.lists import Lists
from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.ordering import lowest_first, sort_pairs
from lm_geometry.point_cloud.shapes import Float, Int32, Int64
from lm_geometry.point_cloud.summation import LANES, squared_distance

TOGETHER = 64  # rows whose candidates are sorted in one call


@compiled
def squares_to(X, row, tokens, squares):
    """Fills `squares` `[n]` with |x_row − x_t|² for the `tokens` t `[n]` of X `[tokens, width]`."""
    lanes, own = np.empty(LANES), X[row].astype(np.float64)  # made wide once for all
    for c in range(tokens.size):
        squares[c] = squared_distance(own, X[tokens[c]], lanes)


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
def _squares_of(X, rows, names, candidates, count, first, squares, tokens):
    """Fills `squares` and `tokens` `[rows, room]` for the rows from `first` on; infinite: none."""
    for r in range(squares.shape[0]):
        n = count[first + r]
        for c in range(n):
            tokens[r, c] = names[candidates[first + r, c]]
        squares_to(X, rows[first + r], tokens[r, :n], squares[r, :n])
        for c in range(n, squares.shape[1]):
            squares[r, c] = np.inf


@compiled
def _order_ties(squares, tokens, count):
    """Puts tokens of equal squares, which are sorted, in the order of their numbers."""
    start = 0
    for place in range(1, count + 1):
        if place == count or squares[place] > squares[start]:
            if place > start + 1:
                sort_pairs(squares[start:place], tokens[start:place], place - start)
            start = place


@compiled
def _write_in_order(order, squares, tokens, rows, count, first, lists):
    """Writes the lists of the rows from `first` on; `order` `[rows, room]` sorts their squares."""
    near, ordered = np.empty(order.shape[1], np.int32), np.empty(order.shape[1])
    for r in range(order.shape[0]):
        n = count[first + r]
        for place in range(n):
            near[place], ordered[place] = tokens[r, order[r, place]], squares[r, order[r, place]]
        _order_ties(ordered, near, n)
        _write(lists, rows[first + r], near, ordered, n)


def measure(
    X: Float[np.ndarray, "tokens width"],
    rows: Int64[np.ndarray, "rows"],
    names: Int64[np.ndarray, "tokens"],
    candidates: Int32[np.ndarray, "rows room"],
    count: Int64[np.ndarray, "rows"],
    first: int,
    last: int,
    lists: Lists,
) -> None:
    """Fills the lists of the tokens `rows[first:last]` with the nearest of their candidates.

    `candidates[r]` are those of `rows[r]`, and c among them stands for the token `names[c]`. A list
    is written to its token's own place; one of too few candidates ends with −1 at an infinite
    distance.
    """
    room = candidates.shape[1]
    for begin in range(first, last, TOGETHER):
        size = min(TOGETHER, last - begin)
        squares, tokens = np.empty((size, room)), np.empty((size, room), np.int32)
        _squares_of(X, rows, names, candidates, count, begin, squares, tokens)
        order = np.argsort(squares, axis=1)  # by vector registers, many times as fast as ours
        _write_in_order(order, squares, tokens, rows, count, begin, lists)


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
