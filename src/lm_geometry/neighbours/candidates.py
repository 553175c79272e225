"""The nearest candidates of every token, kept while blocks of inner products pass by.

The score of candidate j for token i is |x_j|²/2 − x_i·x_j, which orders candidates as their
distance to i does. A token keeps a list with room for more than `keep` candidates; when it is full
it is cut to the `keep` lowest scores, and its bound falls to the highest of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lm_geometry.neighbours.distances import alike
from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.ordering import lowest_first
from lm_geometry.point_cloud.shapes import Float, Int32, Int64

STRIP = 32  # candidates tested at once, without a branch
SAMPLE = 512  # scores behind a token's first bound
SURE = 2.5  # standard deviations of the number of candidates that such a bound leaves


class Candidates(NamedTuple):
    """Lists of the lowest scores seen so far; whatever was rejected scored at least `bound`."""

    scores: Float[np.ndarray, "tokens room"]
    tokens: Int32[np.ndarray, "tokens room"]
    filled: Int64[np.ndarray, "tokens"]  # places in use
    bound: Float[np.ndarray, "tokens"]  # infinite while nothing was rejected
    keep: int


class WholeProducts(NamedTuple):
    """Inner products in fixed point: (65536 `high` + 256 `cross`) `step`²."""

    high: Int32[np.ndarray, "rows columns"]
    cross: Int32[np.ndarray, "rows columns"] | Int32[np.ndarray, "1 1"]  # of size 1: none
    step: float


def no_candidates(tokens: int, keep: int, dtype: DTypeLike) -> Candidates:
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
def _insert(lists, row, score, token):
    scores, tokens = lists.scores[row], lists.tokens[row]  # [room]
    place = lists.filled[row]
    scores[place] = score
    tokens[place] = token
    place += 1
    if place == scores.size:
        lists.bound[row] = lowest_first(scores, tokens, place, lists.keep)
        place = lists.keep
    lists.filled[row] = place


def likely_bounds(
    products: Float[np.ndarray, "rows columns"],
    half_squares: Float[np.ndarray, "columns"],
    keep: int,
) -> Float[np.ndarray, "rows"]:
    """Scores `[rows]` below which there are probably more than `keep`, and room for all of them.

    From an even sample of the columns, `SURE` standard deviations above the rank to be expected.
    """
    columns = products.shape[1]
    if columns <= 2 * keep:
        return np.full(len(products), np.inf, products.dtype)
    step = max(1, columns // SAMPLE)
    sample = half_squares[::step] - products[:, ::step]
    expected = keep * sample.shape[1] / columns
    rank = min(sample.shape[1] - 1, int(expected + SURE * expected**0.5) + 1)
    return np.partition(sample, rank, axis=1)[:, rank]


@compiled
def leave_out(products, labels, rows, columns):
    """Makes the scores of tokens alike in `labels` `[tokens, kinds]` infinite, which none is below.

    Row r of `products` `[rows, columns]` belongs to token `rows[r]`, column c to `columns + c`.
    """
    for r in range(products.shape[0]):
        for c in range(products.shape[1]):
            if alike(labels, rows[r], columns + c):
                products[r, c] = -np.inf


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
def offer_rows(products, half_squares, limits, rows, columns, lists, first):
    """Offers the column tokens to the row tokens of a block of inner products.

    Row r of `products` `[rows, columns]` belongs to token `rows[r]`, whose list is entry
    `first + r`; column c to token `columns + c`. A token is never its own candidate. An empty list
    takes what scores below its entry of `limits` `[rows]`, if that is enough and not too much.
    """
    scores, tokens, filled, bound, keep = lists
    half = half_squares[columns : columns + products.shape[1]]  # [columns]
    for r in range(products.shape[0]):
        owner, own, row = first + r, rows[r], products[r]
        if bound[owner] == np.inf and filled[owner] == 0:
            limit = limits[r]
            found = _fill(half, row, own, columns, limit, scores[owner], tokens[owner])
            if found >= keep:
                filled[owner], bound[owner] = found, limit
                continue
        for start in range(0, row.size, STRIP):
            strip = row[start : start + STRIP]
            halves = half[start : start + STRIP]
            if _below_limit(halves, strip, bound[owner]) == 0:
                continue
            for c in range(strip.size):
                score, token = halves[c] - strip[c], columns + start + c
                if score < bound[owner] and token != own:
                    _insert(lists, owner, score, token)


@compiled
def _lowest_of_lanes(products, half_squares, lanes):
    """Fills every lane with the lowest of the scores dealt to it, one after the other."""
    lanes[:] = np.inf
    for start in range(0, products.size, lanes.size):
        for c in range(min(lanes.size, products.size - start)):
            lanes[c] = min(lanes[c], half_squares[start + c] - products[start + c])


@compiled
def first_bounds(products, half_squares, rank, bound, first):
    """Bounds of the lists from `first` on: the score at about `rank` among a sample of candidates.

    `products` are those of the lists' tokens with the sample, `half_squares` the sample's. Only the
    lowest scores of lanes are ordered, many more than `rank`; those of rank stand in some of them.
    """
    lanes = np.empty(min(16 * rank, half_squares.size), bound.dtype)
    order = np.empty(lanes.size, np.int32)
    for r in range(products.shape[0]):
        _lowest_of_lanes(products[r], half_squares, lanes)
        bound[first + r] = lowest_first(lanes, order, lanes.size, min(rank, lanes.size))


@compiled
def _mark(products, halves, bounds, half, bound, marks):
    """Marks the pairs of a row that may enter a list: that of the row, or that of the column."""
    for c in range(products.size):
        row = halves[c] - products[c] < bound
        column = half - products[c] < bounds[c]
        marks[c] = row | column


@compiled
def _offer_pairs(products, half_squares, row, column, lists, marks):
    """Offers token `row` and the tokens from `column` on to each other; `marks` is all false."""
    bound = lists.bound
    half, last = half_squares[row], column + products.size
    halves, bounds = half_squares[column:last], bound[column:last]
    _mark(products, halves, bounds, half, bound[row], marks)
    eights = marks.view(np.uint64)  # marks are few: eight are looked at together
    for eight in range(eights.size):
        if eights[eight] == 0:
            continue
        for c in range(8 * eight, 8 * eight + 8):
            if not marks[c]:
                continue
            marks[c] = False
            score = halves[c] - products[c]
            if score < bound[row]:
                _insert(lists, row, score, column + c)
            score = half - products[c]
            if score < bounds[c]:
                _insert(lists, column + c, score, row)


@compiled
def _no_marks(size):
    return np.zeros((size + 7) // 8 * 8, np.bool_)


@compiled
def offer_block(products, half_squares, first, second, lists):
    """Offers the tokens from `first` on (rows) and from `second` on (columns) to each other.

    The first bounds of all lists are set. A block on the diagonal offers every pair once.
    """
    marks = _no_marks(products.shape[1])
    for r in range(products.shape[0]):
        skipped = r + 1 if first == second else 0
        row, column = products[r, skipped:], second + skipped
        _offer_pairs(row, half_squares, first + r, column, lists, marks)


@compiled
def offer_whole_numbers(whole, half_squares, first, second, lists):
    """As `offer_block`, for products in fixed point."""
    high, cross = whole.high, whole.cross  # [rows, columns]
    square = np.float32(whole.step * whole.step)
    coarse, fine = square * np.float32(65536), square * np.float32(256)
    marks, products = _no_marks(high.shape[1]), np.empty(high.shape[1], np.float32)
    for r in range(high.shape[0]):
        for c in range(products.size):
            products[c] = coarse * np.float32(high[r, c])
        if cross.size > 1:
            for c in range(products.size):
                products[c] += fine * np.float32(cross[r, c])
        skipped = r + 1 if first == second else 0
        row, column = products[skipped:], second + skipped
        _offer_pairs(row, half_squares, first + r, column, lists, marks)


@compiled
def finish(lists, first, last):
    """Cuts the lists to `keep` candidates, lowest scores first but in no order."""
    scores, tokens, count, bound, keep = lists
    for row in range(first, last):
        if count[row] > keep:
            bound[row] = lowest_first(scores[row], tokens[row], count[row], keep)
            count[row] = keep
