"""Lists of the nearest tokens, and copies of rows put back into the lists of the others."""

from typing import NamedTuple

import numpy as np

from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.ordering import sort_pairs
from lm_geometry.point_cloud.shapes import Float64, Int32, Int64


class Lists(NamedTuple):
    """The nearest other tokens of every token, nearest first, and how far they are."""

    indices: Int32[np.ndarray, "tokens k"]
    distances: Float64[np.ndarray, "tokens k"]


class Groups(NamedTuple):
    """Rows of equal values: group g holds `members[offsets[g]:offsets[g + 1]]`, ascending."""

    members: Int64[np.ndarray, "tokens"]
    offsets: Int64[np.ndarray, "groups+1"]
    of: Int64[np.ndarray, "tokens"]  # the group of every row


def empty_lists(tokens: int, k: int) -> Lists:
    """Lists of `k` neighbours that nothing was written into."""
    return Lists(np.empty((tokens, k), np.int32), np.empty((tokens, k)))


def with_copies(near: Lists, first: Int64[np.ndarray, "tokens"], k: int) -> Lists:
    """The lists of `k` neighbours of a cloud in which row i is a copy of row `first[i]`.

    `first` names the first row that equals a row, itself where none comes before; `near` are the
    lists of those rows alone, which differ, with their places among them for indices.
    """
    distinct = np.flatnonzero(first == np.arange(len(first)))
    group = np.searchsorted(distinct, first)
    members = np.argsort(group, kind="stable")
    offsets = np.searchsorted(group[members], np.arange(len(distinct) + 1))
    groups, lists = Groups(members, offsets, group), empty_lists(len(first), k)
    over_rows(lambda a, b: _expand(near, groups, a, b, lists), len(first))
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
            single = offsets[nearest[g] + 1] - offsets[nearest[g]] == 1
            if single and (tied == nearest.size or lengths[tied] > lengths[g]):
                indices[row, filled] = members[offsets[nearest[g]]]  # nearly always
                distances[row, filled] = lengths[g]
                filled, g = filled + 1, tied
                continue
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
