"""The neighbours of a cloud that holds copies of rows: searched without them, then put back."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lm_geometry.neighbours.distances import Lists, empty_lists
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.ordering import sort_pairs
from lm_geometry.point_cloud.shapes import Float, Int64


class Groups(NamedTuple):
    """Rows of equal values: group g holds `members[offsets[g]:offsets[g + 1]]`, ascending."""

    members: Int64[np.ndarray, "tokens"]
    offsets: Int64[np.ndarray, "groups+1"]
    of: Int64[np.ndarray, "tokens"]  # the group of every row


def with_copies(
    points: Float[np.ndarray, "tokens width"],
    first: Int64[np.ndarray, "tokens"],
    n_neighbors: int,
    search: Callable[[Float[np.ndarray, "distinct width"], int], Lists],
) -> Lists:
    """The lists of a cloud in which `first` names, for every row, the first row that equals it.

    `search` finds the nearest `(points, k)` of a cloud without copies.
    """
    distinct = np.flatnonzero(first == np.arange(len(points)))
    group = np.searchsorted(distinct, first)
    members = np.argsort(group, kind="stable")
    offsets = np.searchsorted(group[members], np.arange(len(distinct) + 1))
    groups = Groups(members, offsets, group)
    fewer = min(n_neighbors, len(distinct) - 1)
    near = search(points[distinct], fewer) if fewer else empty_lists(len(distinct), 0)
    lists = empty_lists(len(points), n_neighbors)
    over_rows(lambda a, b: _expand(near, groups, a, b, lists), len(points))
    return lists


@compiled
def _expand(near, groups, first, last, lists):
    """Fills lists `first` to `last`: the graph of distinct rows with their copies put back.

    `near` `[groups, neighbours]` is the graph of the distinct rows. The nearest rows of a row are
    the other rows of its group, then the members of the nearest groups, ties by row.
    """
    members, offsets = groups.members, groups.offsets
    indices, distances = lists.indices, lists.distances  # [tokens, k]
    k = indices.shape[1]
    for row in range(first, last):
        own, filled, g = groups.of[row], 0, 0
        nearest, lengths = near.indices[own], near.distances[own]  # [neighbours]
        for place in range(offsets[own], offsets[own + 1]):
            if members[place] != row and filled < k:
                indices[row, filled], distances[row, filled] = members[place], 0.0
                filled += 1
        while filled < k:
            tied = g + 1
            while tied < nearest.size and lengths[tied] == lengths[g]:
                tied += 1
            total = 0
            for t in range(g, tied):
                total += offsets[nearest[t] + 1] - offsets[nearest[t]]
            rows = np.empty(total, np.int64)
            total = 0
            for t in range(g, tied):
                for place in range(offsets[nearest[t]], offsets[nearest[t] + 1]):
                    rows[total] = members[place]
                    total += 1
            sort_pairs(rows, rows.copy(), total)
            for r in rows[: k - filled]:
                indices[row, filled], distances[row, filled] = r, lengths[g]
                filled += 1
            g = tied
