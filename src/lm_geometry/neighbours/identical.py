"""Rows with the same values: found by bytes, and put back into a graph of the others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours.loops import compiled, over_rows
from lm_geometry.neighbours.ordering import sort_pairs

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)


@compiled
def _hash_rows(words, zero, first, last, hashes):
    for row in range(first, last):
        lanes = np.zeros(8, np.uint64)
        for start in range(0, words.shape[1], 8):
            for lane in range(min(8, words.shape[1] - start)):
                word = words[row, start + lane]
                if word == zero:  # the bits of -0.0, which equals 0.0
                    word = words.dtype.type(0)
                mixed = (lanes[lane] ^ np.uint64(word)) * _MULTIPLIER
                lanes[lane] = mixed ^ (mixed >> np.uint64(32))
        total = np.uint64(0)
        for lane in range(8):
            total = (total ^ lanes[lane]) * _MIX
            total ^= total >> np.uint64(29)
        hashes[row] = total


def row_hashes(X: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit hash of every row `[tokens]`; rows of equal values have equal hashes."""
    words = X.view(np.uint32 if X.dtype.itemsize == 4 else np.uint64)
    zero = words.dtype.type(1 << (8 * X.dtype.itemsize - 1))
    hashes = np.empty(len(X), np.uint64)
    over_rows(lambda first, last: _hash_rows(words, zero, first, last, hashes), len(X), 1024)
    return hashes


def first_equal(X: NDArray[Any]) -> NDArray[np.int64]:
    """For every row the first row that equals it, `[tokens]`: itself where none comes before."""
    hashes = row_hashes(X)
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.r_[True, hashes[order][1:] != hashes[order][:-1]])
    first = np.empty(len(X), np.int64)
    first[order] = np.repeat(order[starts], np.diff(np.r_[starts, len(X)]))
    copies = np.flatnonzero(first != np.arange(len(X)))
    # A hash may collide: compare the values, and settle any collision by the values alone.
    if any(not np.array_equal(X[row], X[first[row]]) for row in copies):
        _, heads, inverse = np.unique(X + 0.0, axis=0, return_index=True, return_inverse=True)
        first = heads[inverse.reshape(-1)]
    return first


@compiled
def expand(near, lengths, members, offsets, group, first, last, indices, distances):
    """Fills lists `first` to `last`: the graph of distinct rows with their copies put back.

    `near` and `lengths` `[groups, neighbours]` are the graph of the distinct rows, group g holds
    the rows `members[offsets[g]:offsets[g + 1]]` in ascending order. The nearest rows of a row are
    the other rows of its group, then the members of the nearest groups, ties by row.
    """
    k = indices.shape[1]
    for row in range(first, last):
        own, filled, g = group[row], 0, 0
        for place in range(offsets[own], offsets[own + 1]):
            if members[place] != row and filled < k:
                indices[row, filled], distances[row, filled] = members[place], 0.0
                filled += 1
        while filled < k:
            tied = g + 1
            while tied < near.shape[1] and lengths[own, tied] == lengths[own, g]:
                tied += 1
            total = 0
            for t in range(g, tied):
                total += offsets[near[own, t] + 1] - offsets[near[own, t]]
            rows = np.empty(total, np.int64)
            total = 0
            for t in range(g, tied):
                for place in range(offsets[near[own, t]], offsets[near[own, t] + 1]):
                    rows[total] = members[place]
                    total += 1
            sort_pairs(rows, rows.copy(), total)
            for r in rows[: k - filled]:
                indices[row, filled], distances[row, filled] = r, lengths[own, g]
                filled += 1
            g = tied
