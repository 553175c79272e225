"""Candidates of all tokens from blocks of inner products, each of which serves rows and columns."""

from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours.candidates import (
    Candidates,
    finish,
    no_candidates,
    offer_columns,
    offer_rows,
)
from lm_geometry.neighbours.cloud import Centred
from lm_geometry.neighbours.loops import over_rows, side_by_side

BLOCK = 512  # 1 MiB of float32 products: they stay in the cache between product and scan
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
    starts = range(0, len(cloud.points), BLOCK)
    locks = {start: Lock() for start in starts}  # a list has one writer at a time

    def serve(pair: tuple[int, int]) -> None:
        first, second = pair
        products, half = _products(cloud.points, first, second), cloud.half_squares
        mine = np.arange(first, first + len(products))
        with locks[first]:
            offer_rows(products, half, mine, second, *lists, first)
        if first != second:
            with locks[second]:
                offer_columns(products, half, first, second, *lists)

    # Diagonal by diagonal, so that every token has a bound before the bulk of the blocks comes.
    pairs = [
        (a, a + gap) for gap in range(0, starts[-1] + 1, BLOCK) for a in starts if a + gap in locks
    ]
    side_by_side(serve, pairs)


def _products(points: NDArray[Any], first: int, second: int) -> NDArray[Any]:
    return points[first : first + BLOCK] @ points[second : second + BLOCK].T
