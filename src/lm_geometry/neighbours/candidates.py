"""The nearest candidates of every token, kept while blocks of inner products pass by.

The score of candidate j for token i is |x_j|²/2 − x_i·x_j, which orders candidates as their
distance to i does. A token keeps a list with room for more than `keep` candidates; when it is full
it is cut to the `keep` lowest scores, and its bound falls to the highest of them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours.loops import compiled
from lm_geometry.neighbours.ordering import lowest_first

STRIP = 32  # candidates tested at once, without a branch
TILE = 16
SAMPLE = 512  # scores behind a token's first bound


class Candidates(NamedTuple):
    """Lists of the lowest scores seen so far; whatever was rejected scored at least `bound`."""

    scores: NDArray[Any]  # [tokens, room]
    tokens: NDArray[np.int32]  # [tokens, room]
    filled: NDArray[np.int64]  # [tokens], places in use
    bound: NDArray[Any]  # [tokens], infinite while nothing was rejected
    keep: int


def no_candidates(tokens: int, keep: int, dtype: Any) -> Candidates:
    """Empty lists for `tokens` tokens that are to keep `keep` candidates each."""
    room = 2 * keep + STRIP
    return Candidates(
        np.empty((tokens, room), dtype),
        np.empty((tokens, room), np.int32),
        np.zeros(tokens, np.int64),
        np.full(tokens, np.inf, dtype),
        keep,
    )


@compiled
def _below_limit(half_squares, products, limit):
    below = np.int32(0)
    for c in range(products.size):
        below += np.int32(half_squares[c] - products[c] < limit)
    return below


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
def _first_bound(half_squares, products, keep, sample, tokens):
    """A bound below which there are probably more than `keep` scores, and room for all of them."""
    step = max(1, products.size // sample.size)
    taken = 0
    for c in range(0, products.size, step):
        if taken < sample.size:
            sample[taken] = half_squares[c] - products[c]
            taken += 1
    rank = min(taken, 7 * keep * taken // (5 * products.size) + 1)
    return lowest_first(sample, tokens, taken, rank)


@compiled
def _fill(half_squares, products, own, columns, limit, scores, tokens):
    """Writes the candidates that score below `limit` into an empty list, if it has the room.

    Returns how many there are, or −1.
    """
    place, room = 0, scores.size - 1
    for c in range(products.size):
        score = half_squares[c] - products[c]
        scores[place] = score
        tokens[place] = columns + c
        place += score < limit and columns + c != own
        if place > room:
            return -1
    return place


@compiled
def offer_rows(products, half_squares, rows, columns, scores, tokens, count, bound, keep, first):
    """Offers the column tokens to the row tokens of a block of inner products.

    Row r of `products` belongs to token `rows[r]`, whose list is entry `first + r`; column c to
    token `columns + c`. A token is never its own candidate.
    """
    half = half_squares[columns : columns + products.shape[1]]
    sample, order = np.empty(SAMPLE, scores.dtype), np.empty(SAMPLE, np.int32)
    for r in range(products.shape[0]):
        owner, own, row = first + r, rows[r], products[r]
        if bound[owner] == np.inf and row.size > 2 * keep and count[owner] == 0:
            limit = _first_bound(half, row, keep, sample, order)
            found = _fill(half, row, own, columns, limit, scores[owner], tokens[owner])
            if found >= keep:
                count[owner], bound[owner] = found, limit
                continue
        for start in range(0, row.size, STRIP):
            strip = row[start : start + STRIP]
            halves = half[start : start + STRIP]
            if _below_limit(halves, strip, bound[owner]) == 0:
                continue
            for c in range(strip.size):
                score, token = halves[c] - strip[c], columns + start + c
                if score < bound[owner] and token != own:
                    _insert(scores, tokens, count, bound, keep, owner, score, token)


@compiled
def first_bounds(products, half_squares, rank, bound, first):
    """Bounds of the lists from `first` on: the score at `rank` among a sample of candidates.

    `products` are those of the lists' tokens with the sample, `half_squares` the sample's.
    """
    scores = np.empty(half_squares.size, bound.dtype)
    order = np.empty(half_squares.size, np.int32)
    for r in range(products.shape[0]):
        for c in range(scores.size):
            scores[c] = half_squares[c] - products[r, c]
        bound[first + r] = lowest_first(scores, order, scores.size, rank)


@compiled
def transposed(products):
    """A transposed copy of a block, made tile by tile (numpy's takes five times as long)."""
    rows, columns = products.shape
    copy = np.empty((columns, rows), products.dtype)
    for top in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            for c in range(left, min(left + TILE, columns)):
                for r in range(top, min(top + TILE, rows)):
                    copy[c, r] = products[r, c]
    return copy


@compiled
def finish(scores, tokens, count, bound, keep, first, last):
    """Cuts the lists to `keep` candidates, lowest scores first but in no order."""
    for row in range(first, last):
        if count[row] > keep:
            bound[row] = lowest_first(scores[row], tokens[row], count[row], keep)
            count[row] = keep
