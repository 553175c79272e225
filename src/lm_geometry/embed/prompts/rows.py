"""One pass over the rows of products of a layer: distances, neighbours, cosines, angles."""

from typing import NamedTuple

import numpy as np

from lm_geometry.embed.prompts.centring import Tokens
from lm_geometry.embed.prompts.nearest import EXACT, select, settle_order, settled
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.shapes import Float, Float64, Int32, Int64
from lm_geometry.point_cloud.summation import LANES, squared_distance, total


class Reduced(NamedTuple):
    """What is read off the rows of the distinct tokens of a layer."""

    radii: Float64[np.ndarray, "tokens ranks"]
    near: Int32[np.ndarray, "tokens k"]
    distances: Float64[np.ndarray, "tokens k"]
    cosines: Float64[np.ndarray, "tokens 2"]  # sums of 1 − cosine and of its square over tokens
    angles: Float64[np.ndarray, "tokens 2"]  # radians: to the nearest, between the two nearest


def no_rows(tokens: int, ranks: int, k: int) -> Reduced:
    """Room for the rows of `tokens` tokens."""
    shapes = (tokens, ranks), (tokens, k), (tokens, k), (tokens, 2), (tokens, 2)
    radii, _, *others = (np.empty(shape) for shape in shapes)
    return Reduced(radii, np.empty((tokens, k), np.int32), *others)


def reduce_rows(
    tokens: Tokens,
    first: int,
    products: Float[np.ndarray, "rows tokens"],
    ranks: Int64[np.ndarray, "ranks"],
    reduced: Reduced,
) -> None:
    """Fills the rows of `reduced` from `first` on, one for each row of `products`."""
    last = first + len(products)
    over_rows(lambda a, b: _reduce(tokens, products, first, a, b, ranks, reduced), last - first, 32)


@compiled
def _reduce(tokens, products, offset, first, last, ranks, reduced):
    n, k = tokens.lengths.size, reduced.near.shape[1]
    counted = tokens.places.counted
    head = min(2 * (k + 1), counted.min())
    distances, values = np.empty(n), np.empty(n + 1)
    order, found = np.empty(n + 1, np.int32), np.empty(ranks.size)
    room, lanes, shares = np.empty((2, n)), np.empty(LANES), np.empty(n)
    for r in range(first, last):
        row = offset + r
        _distances(tokens, products[r], row, distances, shares, reduced.cosines[row])
        _bar(tokens.places, row, distances)
        select(distances, ranks, head, values, order, found, room)
        slack = _slack(tokens, row, max(found[-1], values[head - 1]))
        states = tokens.states
        if not settle_order(states, row, values, order, head, head == counted[row], k, slack):
            _measure(states, row, distances)
            _bar(tokens.places, row, distances)
            select(distances, ranks, head, values, order, found, room)
            slack = 0.0
        for rank in range(ranks.size):
            value = values[ranks[rank] - 1] if ranks[rank] <= k else found[rank]
            if slack > EXACT * value and ranks[rank] <= k:
                value = squared_distance(states[row], states[order[ranks[rank] - 1]], lanes)
            elif slack > EXACT * value:
                value = settled(states, row, distances, ranks[rank], value, slack)
            reduced.radii[row, rank] = np.sqrt(value)
        reduced.near[row] = order[:k]
        reduced.distances[row] = np.sqrt(np.maximum(values[:k], 0))
        _angles(tokens, row, order[0], order[1], reduced.angles[row])


@compiled
def _distances(tokens, products, row, distances, shares, sums):
    """Fills the squared distances of a row, and its sums for the mean and variance of cosines.

    1 − cos = (|x − y|² − (|x| − |y|)²) / 2|x||y| keeps its digits where all cosines are near 1.
    """
    square, length = tokens.squares[row], tokens.lengths[row]
    for j in range(products.size):
        distance = square + tokens.squares[j] - 2 * np.float64(products[j])
        gap = length - tokens.lengths[j]
        share = (distance - gap * gap) * tokens.halves[j]
        distances[j] = distance
        shares[j] = tokens.copies[j] * share
    factor = 2 * tokens.halves[row]
    sums[0] = total(shares) * factor
    for j in range(products.size):
        shares[j] *= shares[j] / tokens.copies[j]
    sums[1] = total(shares) * factor * factor


@compiled
def _bar(places, row, distances):
    """Makes the distances of what does not count as a neighbour infinite, the token's own too."""
    for step in (-1, 1):
        other = row
        while 0 <= other < distances.size and (
            abs(places.positions[other] - places.positions[row]) < places.window
        ):
            distances[other] = np.inf
            other += step


@compiled
def _slack(tokens, row, farthest):
    """Twice the error of the squared distances up to `farthest`."""
    both = 2 * np.sqrt(tokens.squares[row]) + np.sqrt(max(farthest, 0.0))
    return 2 * tokens.error * both * both


@compiled
def _measure(states, row, distances):
    lanes = np.empty(LANES)
    for token in range(distances.size):
        distances[token] = squared_distance(states[row], states[token], lanes)


@compiled
def _corner(x, a, b):
    """|x − a|², |x − b|² and the inner product of both differences."""
    lanes, products = np.empty(LANES), np.empty(x.size)
    for c in range(x.size):
        products[c] = (np.float64(x[c]) - np.float64(a[c])) * (np.float64(x[c]) - np.float64(b[c]))
    return squared_distance(x, a, lanes), squared_distance(x, b, lanes), total(products)


@compiled
def _angles(tokens, row, a, b, angles):
    """The angle of x and its nearest, and the angle at x between its two nearest."""
    first, second, inner = _corner(tokens.states[row], tokens.states[a], tokens.states[b])
    gap = tokens.lengths[row] - tokens.lengths[a]
    half_sine = (first - gap * gap) * tokens.halves[row] * tokens.halves[a]
    half_sine = min(max(half_sine, 0.0), 1.0)
    angles[0] = 2 * np.arctan2(np.sqrt(half_sine), np.sqrt(1 - half_sine))
    angles[1] = np.arccos(min(max(inner / np.sqrt(first * second), -1.0), 1.0))
