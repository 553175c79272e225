"""Local TwoNN of every token, and again without each of several groups of tokens, in one pass.

What a delete-a-group jackknife over documents needs: a group's tokens are left out as neighbours of
the others, so that every neighbourhood fills up with the next tokens. The neighbourhoods without
one group or another differ little, and a member's list is gone along once for all of them.
"""

from typing import NamedTuple

import numpy as np

from lm_geometry.dimension.twonn import Cdf, Fit, check, fit_each
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.distances import alike, squares_to
from lm_geometry.neighbours.labels import no_labels
from lm_geometry.point_cloud.cloud import PointCloud, as_array
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.magnitude import magnified
from lm_geometry.point_cloud.ordering import sort_pairs
from lm_geometry.point_cloud.shapes import Float64, Integer

FEW = 31  # bits of a shorter whole number
MOST_GROUPS = 62  # bits of a whole number, but for its sign and for nothing left out


class WithoutGroups(NamedTuple):
    """Estimates of every token, of all tokens and without each group in turn."""

    values: Float64[np.ndarray, "tokens"]
    without: Float64[np.ndarray, "groups tokens"]  # NaN at the tokens of the group itself


def local_without_groups(
    graph: NeighbourGraph,
    n_neighbors: int,
    groups: Integer[np.ndarray, "tokens"],
    cdf: Cdf = "i/n",
    fit: Fit = "linear",
    discard: float = 0.1,
    *,
    X: PointCloud,
) -> WithoutGroups:
    """The TwoNN dimension around every token, as `local_from_graph`, and without each group.

    `groups` numbers the group of each token `[tokens]` from 0. Row g of `without` is
    `local_from_graph` of the cloud without the tokens of group g, to the last bit, NaN where no
    neighbourhood of `n_neighbors` is left. `graph` should have longer lists than `n_neighbors`, by
    a third for ten groups: 128 of 173 were the most that ten groups of documents needed. Tokens
    whose list ends too soon are measured against all others. Pairs that the graph leaves out are
    left out here too.

    Source: delete-a-group jackknife: Kott 2001, Journal of Official Statistics 17:521.
    Cost: some three times `local_from_graph` for ten groups; O(groups · L) memory for a token.
    Raises ValueError as `local_from_graph`, and for more than 62 groups.
    """
    check(cdf, fit, discard, n_neighbors)
    graph.nearest(n_neighbors)
    points, power = magnified(as_array(X))
    numbers = _checked(groups, len(graph), len(points))
    deletions = int(numbers.max(initial=-1)) + 2  # the last one leaves nothing out
    distances = np.ldexp(graph.distances, power) if power else graph.distances
    labels = no_labels(len(graph)) if graph.labels is None else graph.labels
    estimates = np.empty((len(graph), deletions))
    rules = (cdf == "i/n", fit == "mle", float(discard))
    bits = np.int32 if deletions < FEW else np.int64  # half of them stay in the cache twice as long

    def work(first: int, last: int) -> None:
        ratios = np.empty((last - first, deletions, n_neighbors))
        lists = (graph.indices, distances, points, labels, numbers)
        masks = np.zeros(len(graph), bits)
        _ratios_without(*lists, deletions, n_neighbors, masks, first, last, ratios)
        flat = ratios.reshape(-1, n_neighbors)
        flat.sort(axis=1)  # infinite last, then NaN
        fit_each(flat, *rules, estimates[first:last].reshape(-1))

    over_rows(work, len(graph))
    return WithoutGroups(estimates[:, -1].copy(), np.ascontiguousarray(estimates[:, :-1].T))


def _checked(
    groups: Integer[np.ndarray, "given"], tokens: int, points: int
) -> Integer[np.ndarray, "given"]:
    if points != tokens:
        raise ValueError(f"X has {points} tokens, but its graph has {tokens}")
    if groups.shape != (tokens,):
        raise ValueError(f"groups has shape {groups.shape}; a number for each of {tokens} tokens")
    if tokens and not 0 <= groups.min() <= groups.max() < MOST_GROUPS:
        raise ValueError(f"groups must be numbered from 0 to at most {MOST_GROUPS - 1}")
    return groups.astype(np.int64)


@compiled
def _neighbourhoods(nearest, groups, deletions, n_neighbors, token, masks, members):
    """Marks who is in the neighbourhoods of a token, of its sorted `nearest`; (members, missing).

    Bit g of `masks`, which are all 0 before, says that a member is in the neighbourhood without
    group g. `missing` has the bits of the neighbourhoods that the list does not fill.
    """
    missing = ((1 << deletions) - 1) & ~(1 << groups[token])
    filled = np.zeros(deletions, np.int64)
    count = 0
    for near in nearest:
        mask = missing & ~(1 << groups[near])
        if mask == 0:
            continue
        masks[near], members[count] = mask, near
        count += 1
        for g in range(deletions):
            if mask >> g & 1:
                filled[g] += 1
                if filled[g] == n_neighbors:
                    missing &= ~(1 << g)
        if missing == 0:
            break
    return count, missing


@compiled
def _all_others(X, labels, token, everyone, squares, ordered):
    """All tokens that count for `token`, nearest first, in `ordered`; how many they are."""
    squares_to(X, token, everyone, squares)
    count = 0
    for other in range(everyone.size):
        if other != token and not alike(labels, token, other):
            squares[count], ordered[count] = squares[other], other
            count += 1
    sort_pairs(squares, ordered, count)
    return count


@compiled
def _measure_rest(X, labels, member, members, masks, rest, squares, near, far):
    """The two nearest of `member` without each group of `rest`, whose second no list has."""
    squares_to(X, member, members, squares)
    for g in range(near.size):
        if not rest >> g & 1:
            continue
        nearest, second = np.inf, np.inf
        for place in range(members.size):
            other = members[place]
            if other == member or not masks[other] >> g & 1 or alike(labels, member, other):
                continue
            if squares[place] < nearest:
                nearest, second = squares[place], nearest
            elif squares[place] < second:
                second = squares[place]
        near[g], far[g] = np.sqrt(nearest), np.sqrt(second)


@compiled
def _ratios_of_members(indices, distances, X, labels, masks, members, squares, filled, ratios):
    """Fills `ratios` `[deletions, n_neighbors + 1]` of one token, from the lists of its members."""
    near, far = np.ones(filled.size), np.ones(filled.size)  # distances to the two nearest
    for place in range(members.size):
        member = members[place]
        before, between = masks[member], 0  # whose nearest, whose second nearest is yet to come
        for rank in range(indices.shape[1]):
            mask = masks[indices[member, rank]]
            second, first = mask & between, mask & before
            if second | first == 0:
                continue
            length = distances[member, rank]
            for g in range(filled.size):  # without a branch: all are written
                far[g] = length if second >> g & 1 else far[g]
                near[g] = length if first >> g & 1 else near[g]
            before, between = before & ~first, (between & ~second) | first
            if before | between == 0:
                break
        if before | between:
            rest = before | between
            _measure_rest(X, labels, member, members, masks, rest, squares, near, far)
        for g in range(filled.size):  # kept where the place moves on
            ratios[g, filled[g]] = far[g] / near[g]
            filled[g] += masks[member] >> g & 1


@compiled
def _ratios_without(
    indices, distances, X, labels, groups, deletions, n_neighbors, masks, first, last, ratios
):
    """Fills `ratios` `[tokens, deletions, n_neighbors]` with r₂/r₁ of the members; NaN: none.

    `masks` `[tokens]` is room to work, all 0.
    """
    n = indices.shape[0]
    members, ordered = np.empty(n, np.int32), np.empty(n, np.int32)
    everyone, squares = np.arange(n).astype(np.int32), np.empty(n)
    filled = np.empty(deletions, np.int64)
    found = np.empty((deletions, n_neighbors + 1))  # the last place is written, and never kept
    for token in range(first, last):
        count, missing = _neighbourhoods(
            indices[token], groups, deletions, n_neighbors, token, masks, members
        )
        if missing:
            for place in range(count):
                masks[members[place]] = 0
            others = _all_others(X, labels, token, everyone, squares, ordered)
            count, missing = _neighbourhoods(
                ordered[:others], groups, deletions, n_neighbors, token, masks, members
            )
        filled[:] = 0
        _ratios_of_members(
            indices,
            distances,
            X,
            labels,
            masks,
            members[:count],
            squares,
            filled,
            found,
        )
        for place in range(count):
            masks[members[place]] = 0
        for g in range(deletions):
            kept = 0 if missing >> g & 1 else filled[g]
            for place in range(n_neighbors):
                ratios[token - first, g, place] = found[g, place] if place < kept else np.nan
