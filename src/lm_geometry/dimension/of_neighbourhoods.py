"""Local TwoNN of given neighbourhoods, whose members have no lists of neighbours of their own.

So it is where a few queries were searched for in a large cloud. The pairs inside a neighbourhood
are measured, once for all groups of tokens that are left out in turn.
"""

import numpy as np

from lm_geometry.dimension.twonn import Cdf, Fit, check, fit_each
from lm_geometry.dimension.without_groups import MOST_GROUPS, WithoutGroups
from lm_geometry.neighbours.distances import alike, squares_to
from lm_geometry.neighbours.labels import no_labels
from lm_geometry.point_cloud.cloud import PointCloud, as_array
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.magnitude import magnified
from lm_geometry.point_cloud.shapes import Int32, Int64, Integer


def local_of_neighbourhoods(
    X: PointCloud,
    near: Integer[np.ndarray, "queries room"],
    n_neighbors: int,
    cdf: Cdf = "i/n",
    fit: Fit = "linear",
    discard: float = 0.1,
    *,
    labels: Int32[np.ndarray, "tokens kinds"] | None = None,
    groups: tuple[Int64[np.ndarray, "tokens"], Int64[np.ndarray, "queries"]] | None = None,
    number: int = 0,
) -> WithoutGroups:
    """The TwoNN dimension around each query, and without each of `number` groups of tokens.

    `near` are rows of X `[tokens, width]`, nearest first, −1 after the last; its first
    `n_neighbors` make the neighbourhood. Row g of `without` is of the first `n_neighbors` that are
    not of group g, NaN for queries of that group; `groups` are those of tokens and of queries, from
    0. Members alike in one of the `labels` do not count for each other. Where the neighbourhood
    is not filled, the value is NaN. To the last bit what `local_from_graph` says of a graph of the
    whole cloud; options as there.

    Source: as `local_from_graph`.
    Cost: O(queries · room² · width) time, and O(room²) memory for a thread.
    Bias: as `local_from_graph`.
    Raises ValueError as `local_from_graph`, and for more than 62 groups.
    """
    check(cdf, fit, discard, n_neighbors)
    if number > MOST_GROUPS:
        raise ValueError(f"{number} groups are too many: at most {MOST_GROUPS}")
    points, _ = magnified(as_array(X))
    kinds = no_labels(len(points)) if labels is None else labels
    of_tokens, of_queries = groups or (
        np.zeros(len(points), np.int64),
        np.zeros(len(near), np.int64),
    )
    estimates = np.empty((len(near), number + 1))

    def work(first: int, last: int) -> None:
        ratios = np.empty((last - first, number + 1, n_neighbors))
        own = points, kinds, of_tokens, of_queries
        _ratios_of(near, *own, first, last, ratios)
        flat = ratios.reshape(-1, n_neighbors)
        flat.sort(axis=1)  # infinite last, then NaN
        rules = cdf == "i/n", fit == "mle", float(discard)
        fit_each(flat, *rules, estimates[first:last].reshape(-1))

    over_rows(work, len(near), at_least=8)
    return WithoutGroups(estimates[:, 0].copy(), np.ascontiguousarray(estimates[:, 1:].T))


@compiled
def _pairs(X, labels, members, squares):
    """Fills `squares` `[members, members]`; infinite where a pair does not count."""
    for a in range(members.size):
        squares[a, a] = np.inf
        squares_to(X, members[a], members[a + 1 :], squares[a, a + 1 : members.size])
        for b in range(a + 1, members.size):
            if alike(labels, members[a], members[b]):
                squares[a, b] = np.inf
            squares[b, a] = squares[a, b]


@compiled
def _two_nearest(squares, chosen, ratios):
    """Fills `ratios` with r₂/r₁ of the `chosen` members, among themselves."""
    for place in range(chosen.size):
        nearest, second = np.inf, np.inf
        for other in chosen:
            square = squares[chosen[place], other]
            if square < nearest:
                nearest, second = square, nearest
            elif square < second:
                second = square
        ratios[place] = np.sqrt(second) / np.sqrt(nearest)


@compiled
def _ratios_of(near, X, labels, of_tokens, of_queries, first, last, ratios):
    """Fills `ratios` `[queries, 1 + groups, n_neighbors]`; NaN where nothing is estimated."""
    room, n_neighbors = near.shape[1], ratios.shape[2]
    squares, chosen = np.empty((room, room)), np.empty(n_neighbors, np.int64)
    for query in range(first, last):
        filled = 0
        while filled < room and near[query, filled] >= 0:
            filled += 1
        members = near[query, :filled]
        if ratios.shape[1] == 1:
            members = members[:n_neighbors]
        _pairs(X, labels, members, squares)
        for deletion in range(ratios.shape[1]):
            group, count = deletion - 1, 0
            for place in range(members.size):
                if count < n_neighbors and of_tokens[members[place]] != group:
                    chosen[count] = place
                    count += 1
            own = ratios[query - first, deletion]
            if count < n_neighbors or of_queries[query] == group:
                own[:] = np.nan
            else:
                _two_nearest(squares, chosen, own)
