"""Blocks of tokens offered to queries: what inner products cannot rule out is measured."""

import numpy as np

from lm_geometry.neighbours.of_queries.lists import insert
from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.summation import LANES, squared_distance

STRIP = 32  # tokens tested at once, without a branch


@compiled
def _some_possible(products, halves, limit):
    """Whether a strip of tokens has one that scores below `limit`, or whose score is no number."""
    possible = np.int32(0)
    for c in range(products.size):
        possible += np.int32(not halves[c] - products[c] >= limit)
    return possible > 0


@compiled
def _alike(labels, own, kinds):
    for kind in range(kinds.size):  # noqa: SIM110 (compiled)
        if kinds[kind] and labels[kind] == own[kind]:
            return True
    return False


@compiled
def offer(products, halves, limits, queries, block, readings, first, near, lists, entered):
    """Offers a block of tokens to the queries from `first` on.

    Row r of `products` `[rows, tokens]` belongs to query `first + r`; a token scores its entry of
    `halves` minus the product, and one that scores at least the query's entry of `limits` is
    proved to be beyond its lists. `queries` are vectors, numbers and labels of the queries, `block`
    vectors, numbers, labels and hashes of the tokens; `readings` `[readings, kinds]` says which
    labels keep pairs apart. A token that comes to one of the `near` first places of a list is
    marked in `entered` `[tokens]`.
    """
    vectors, numbers, labels, hashes = block
    own_vectors, own_numbers, own_labels = queries
    lanes = np.empty(LANES)
    for r in range(products.shape[0]):
        query, row, limit = first + r, products[r], limits[first + r]
        own = own_vectors[query].astype(np.float64)
        for start in range(0, row.size, STRIP):
            strip = row[start : start + STRIP]
            if not _some_possible(strip, halves[start : start + STRIP], limit):
                continue
            for c in range(start, start + strip.size):
                if halves[c] - row[c] >= limit or numbers[c] == own_numbers[query]:
                    continue
                square = squared_distance(own, vectors[c], lanes)
                if square == 0:
                    continue
                for reading in range(readings.shape[0]):
                    if _alike(labels[c], own_labels[query], readings[reading]):
                        continue
                    place = insert(
                        lists.squares[reading, query],
                        lists.numbers[reading, query],
                        lists.hashes[reading, query],
                        square,
                        numbers[c],
                        hashes[c],
                    )
                    if place < near:
                        entered[c] = True
