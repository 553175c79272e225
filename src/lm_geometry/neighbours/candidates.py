"""The nearest candidates of every token, kept while blocks of inner products pass by.

The score of candidate j for token i is |x_j|²/2 − x_i·x_j, which orders candidates as their
distance to i does. A token keeps a list with room for more than `keep` candidates; when it is full
it is cut to the `keep` lowest scores, and its bound falls to the highest of them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours.loops import compiled

STRIP = 64  # candidates tested at once, without a branch


class Candidates(NamedTuple):
    """Lists of the lowest scores seen so far; whatever was rejected scored at least `bound`."""

    scores: NDArray[Any]  # [tokens, room]
    tokens: NDArray[np.int32]  # [tokens, room]
    count: NDArray[np.int64]  # [tokens]
    bound: NDArray[Any]  # [tokens], infinite while nothing was rejected
    keep: int


def no_candidates(tokens: int, keep: int, dtype: Any) -> Candidates:
    """Empty lists for `tokens` tokens that are to keep `keep` candidates each."""
    room = keep + max(keep // 2, STRIP)
    return Candidates(
        np.empty((tokens, room), dtype),
        np.empty((tokens, room), np.int32),
        np.zeros(tokens, np.int64),
        np.full(tokens, np.inf, dtype),
        keep,
    )


@compiled
def lowest_first(scores, tokens, count, keep):
    """Moves the `keep` lowest scores to the front, by quickselect; returns the highest of them."""
    low, high, target = 0, count - 1, keep - 1
    while low < high:
        pivot = scores[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while scores[i] < pivot:
                i += 1
            while scores[j] > pivot:
                j -= 1
            if i <= j:
                scores[i], scores[j] = scores[j], scores[i]
                tokens[i], tokens[j] = tokens[j], tokens[i]
                i += 1
                j -= 1
        if target <= j:
            high = j
        elif target >= i:
            low = i
        else:
            break
    return scores[target]


@compiled
def _insert(scores, tokens, count, bound, keep, row, score, token):
    place = count[row]
    scores[row, place] = score
    tokens[row, place] = token
    place += 1
    if place == scores.shape[1]:
        bound[row] = lowest_first(scores[row], tokens[row], place, keep)
        place = keep
    count[row] = place


@compiled
def offer_rows(products, half_squares, rows, columns, scores, tokens, count, bound, keep, first):
    """Offers the column tokens to the row tokens of a block of inner products.

    Row r of `products` belongs to token `rows[r]`, whose list is entry `first + r`; column c to
    token `columns + c`. A token is never its own candidate.
    """
    n_rows, n_columns = products.shape
    for r in range(n_rows):
        owner, own = first + r, rows[r]
        for start in range(0, n_columns, STRIP):
            stop = min(start + STRIP, n_columns)
            limit = bound[owner]
            below = 0
            for c in range(start, stop):
                below += half_squares[columns + c] - products[r, c] < limit
            if below == 0:
                continue
            for c in range(start, stop):
                score = half_squares[columns + c] - products[r, c]
                if score < bound[owner] and columns + c != own:
                    _insert(scores, tokens, count, bound, keep, owner, score, columns + c)


@compiled
def offer_columns(products, half_squares, rows, columns, scores, tokens, count, bound, keep):
    """Offers the row tokens `rows + r` to the column tokens `columns + c`, which they differ from."""
    n_rows, n_columns = products.shape
    for start in range(0, n_columns, STRIP):
        stop = min(start + STRIP, n_columns)
        for r in range(n_rows):
            half = half_squares[rows + r]
            below = 0
            for c in range(start, stop):
                below += half - products[r, c] < bound[columns + c]
            if below == 0:
                continue
            for c in range(start, stop):
                score = half - products[r, c]
                if score < bound[columns + c]:
                    _insert(scores, tokens, count, bound, keep, columns + c, score, rows + r)


@compiled
def finish(scores, tokens, count, bound, keep, first, last):
    """Cuts the lists to `keep` candidates, lowest scores first but in no order."""
    for row in range(first, last):
        if count[row] > keep:
            bound[row] = lowest_first(scores[row], tokens[row], count[row], keep)
            count[row] = keep
