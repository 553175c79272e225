"""The nearest tokens of a token from its computed squared distances, settled where they round.

A computed squared distance is off by at most half of `slack`. Where that could change an order or
a distance, the squared distances in question are measured again by differences, in float64.
"""

import numpy as np

from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.ordering import sort_pairs
from lm_geometry.point_cloud.summation import LANES, squared_distance

EXACT = 1e-9  # relative error of a squared distance that is let pass
SHORT = 8  # up to this many values are compared with each other
STEP = 8  # every so many distances make the sample behind the first limit


@compiled
def _fill(distances, limit, values, tokens):
    """Writes the pairs below `limit`, without a branch; returns how many there are."""
    place = 0
    for token in range(distances.size):
        values[place] = distances[token]
        tokens[place] = token
        place += distances[token] < limit
    return place


@compiled
def _candidates(distances, keep, values, tokens, lower, upper):
    """Fills in at least `keep` pairs, the lowest among them; returns how many there are."""
    taken = 0
    for token in range(0, distances.size, STEP):
        values[taken] = distances[token]
        taken += 1
    share = keep / distances.size
    rank = int(taken * share + 2 * (taken * share * (1 - share)) ** 0.5) + 2
    if rank < taken:
        count = _fill(distances, _value_at(rank, values, taken, lower, upper), values, tokens)
        if count >= keep:
            return count
    return _fill(distances, np.inf, values, tokens)


@compiled
def _value_at(rank, values, count, lower, upper):
    """The value at `rank` of the first `count`, by quickselect without a branch per value.

    `lower` and `upper` have room for `count` values, and may be read and written in one go: what is
    written never lies ahead of what is read.
    """
    source = values
    while count > SHORT:
        a, b, c = source[0], source[count // 2], source[count - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        below = 0
        for place in range(count):
            value = source[place]
            lower[below] = value
            upper[place - below] = value
            below += value < pivot
        if rank <= below:
            source, count = lower, below
            continue
        source, count, rank = upper, count - below, rank - below
        above = 0
        for place in range(count):
            value = source[place]
            upper[above] = value
            above += value > pivot
        if rank <= count - above:
            return pivot
        rank, count = rank - (count - above), above
    for place in range(count):
        value = source[place]
        nearer, tied = 0, 0
        for other in range(count):
            nearer += source[other] < value
            tied += source[other] == value
        if nearer < rank <= nearer + tied:
            return value
    return np.nan


@compiled
def select(distances, ranks, head, values, tokens, found, room):
    """Sorts the `head` nearest to the front, and fills the values at all `ranks` into `found`.

    The token's own distance is infinite. `values` and `tokens` have room for one pair more, `room`
    `[2, tokens]` is for the work.
    """
    lower, upper = room
    count = _candidates(distances, max(ranks[-1], head), values, tokens, lower, upper)
    for r in range(ranks.size):
        if ranks[r] > head:
            found[r] = _value_at(ranks[r], values, count, lower, upper)
    limit = _value_at(head, values, count, lower, upper)
    place = 0
    for c in range(count):
        value, token = values[c], tokens[c]
        values[place], tokens[place] = value, token
        place += value <= limit
    sort_pairs(values, tokens, place)
    for r in range(ranks.size):
        if ranks[r] <= head:
            found[r] = values[ranks[r] - 1]


@compiled
def settle_order(states, row, values, tokens, head, every, k, slack):
    """Orders the k nearest exactly: runs of too close values are measured again and sorted.

    False if such a run may go on behind the `head` values that are sorted, where `every` is false.
    """
    start = 0
    for place in range(1, head + 1):
        if place < head and values[place] - values[place - 1] <= slack:
            continue
        if place - start > 1:
            if place == head and not every:
                return False
            lanes = np.empty(LANES)
            for c in range(start, place):
                values[c] = squared_distance(states[row], states[tokens[c]], lanes)
            sort_pairs(values[start:place], tokens[start:place], place - start)
        start = place
        if start >= k:
            break
    return True


@compiled
def settled(states, row, distances, rank, value, slack):
    """The squared distance at `rank`, computed as `value`, exactly.

    Any token that is truly at that rank was computed within `slack` of `value`, and all that were
    computed below that window are truly nearer.
    """
    nearer, inside = 0, 0
    for token in range(distances.size):
        nearer += distances[token] < value - slack
        inside += np.abs(distances[token] - value) <= slack
    window, tokens = np.empty(inside), np.empty(inside, np.int32)
    place, lanes = 0, np.empty(LANES)
    for token in range(distances.size):
        if np.abs(distances[token] - value) <= slack:
            window[place] = squared_distance(states[row], states[token], lanes)
            tokens[place] = token
            place += 1
    sort_pairs(window, tokens, inside)
    return window[rank - 1 - nearer]
