"""Candidates of all tokens from blocks of inner products, each of which serves rows and columns."""

from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours.candidates import (
    Candidates,
    finish,
    first_bounds,
    no_candidates,
    offer_rows,
    transposed,
)
from lm_geometry.neighbours.cloud import Centred
from lm_geometry.neighbours.loops import over_rows, side_by_side

BLOCK = 512  # 1 MiB of float32 products: they stay in the cache between product and scan
SAMPLE = 512  # least size of the sample behind the first bounds
RANK = 1.5  # of the first bound, as a multiple of the rank that `keep` candidates would have
WHOLE = 4096  # up to this many tokens all products are made at once (64 MiB)


def all_candidates(cloud: Centred, keep: int) -> Candidates:
    """The `keep` lowest-scoring candidates of every token of the cloud."""
    lists = no_candidates(len(cloud.points), keep, cloud.points.dtype)
    if len(cloud.points) <= WHOLE:
        _whole(cloud, lists)
    else:
        _by_blocks(cloud, lists)
    over_rows(lambda first, last: finish(*lists, first, last), len(cloud.points))
    return lists


def candidates_of(rows: NDArray[np.int64], cloud: Centred, keep: int) -> Candidates:
    """The `keep` lowest-scoring candidates of the tokens `rows` only, in their order."""
    lists = no_candidates(len(rows), keep, cloud.points.dtype)
    points, half = cloud.points, cloud.half_squares

    def search(first: int, last: int) -> None:
        mine = rows[first:last]
        for column in range(0, len(points), WHOLE):
            products = points[mine] @ points[column : column + WHOLE].T
            offer_rows(products, half, mine, column, *lists, first)
        finish(*lists, first, last)

    over_rows(search, len(rows))
    return lists


def _whole(cloud: Centred, lists: Candidates) -> None:
    # numpy makes X Xᵀ with half the operations of a product of two matrices.
    products = cloud.points @ cloud.points.T
    tokens = np.arange(len(products))

    def offer(first: int, last: int) -> None:
        mine = tokens[first:last]
        offer_rows(products[first:last], cloud.half_squares, mine, 0, *lists, first)

    over_rows(offer, len(products))


def _by_blocks(cloud: Centred, lists: Candidates) -> None:
    points, half = cloud.points, cloud.half_squares
    starts = range(0, len(points), BLOCK)
    locks = {start: Lock() for start in starts}  # a list has one writer at a time
    _bound_by_sample(cloud, lists)

    def offer(products: NDArray[Any], owners: int, others: int) -> None:
        rows = np.arange(owners, owners + len(products))
        with locks[owners]:
            offer_rows(products, half, rows, others, *lists, owners)

    def serve(pair: tuple[int, int]) -> None:
        first, second = pair
        products = points[first : first + BLOCK] @ points[second : second + BLOCK].T
        offer(products, first, second)
        if first != second:
            offer(transposed(products), second, first)

    # Diagonal by diagonal, so that all bounds fall early.
    gaps = range(0, len(points), BLOCK)
    side_by_side(serve, [(a, a + gap) for gap in gaps for a in starts if a + gap in locks])


def _bound_by_sample(cloud: Centred, lists: Candidates) -> None:
    """First bounds from an even sample of candidates, so that few others enter the lists.

    The rank is such that hardly any list ends with fewer than `keep` candidates; such a list is
    still right, and its token is searched again if it is too short for a proof.
    """
    points = cloud.points
    sample = np.arange(0, len(points), max(1, len(points) // max(SAMPLE, len(points) // 32)))
    rank = int(RANK * lists.keep * len(sample) / len(points)) + 7
    columns, half = points[sample].T, cloud.half_squares[sample]

    def work(first: int, last: int) -> None:
        first_bounds(points[first:last] @ columns, half, rank, lists.bound, first)

    over_rows(work, len(points))
