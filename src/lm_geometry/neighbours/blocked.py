"""Candidates of all tokens from blocks of inner products, each of which serves rows and columns."""

from contextlib import nullcontext
from threading import Lock

import numpy as np

from lm_geometry.neighbours.candidates import (
    Candidates,
    finish,
    first_bounds,
    leave_out,
    likely_bounds,
    no_candidates,
    offer_block,
    offer_rows,
    offer_whole_numbers,
)
from lm_geometry.neighbours.fixed_point import FixedPoint, one_thread_each
from lm_geometry.point_cloud.cloud import Centred
from lm_geometry.point_cloud.loops import over_rows, side_by_side
from lm_geometry.point_cloud.shapes import Int32, Int64

BLOCK = 512  # 1 MiB of float32 products: they stay in the cache between product and scan
ROWS = 128  # whose products with the sample are made at once
SAMPLE = 512  # least size of the sample behind the first bounds
RANK = 1.5  # of the first bound, as a multiple of the rank that `keep` candidates would have
LONG = 20_000  # tokens from which on progress is shown
WHOLE = 4096  # up to this many tokens all products are made at once (64 MiB)


def all_candidates(cloud: Centred, keep: int, fixed: FixedPoint | None = None) -> Candidates:
    """The `keep` lowest-scoring candidates of every token of the cloud, in the cloud's order.

    `fixed` holds the same points in fixed point, for the products of all that it has.
    """
    lists = no_candidates(len(cloud.points), keep, cloud.points.dtype)
    if fixed is not None:
        with one_thread_each():
            _by_blocks(cloud, lists, fixed)
    elif len(cloud.points) <= WHOLE:
        _whole(cloud, lists)
    else:
        _by_blocks(cloud, lists, None)
    over_rows(lambda first, last: finish(lists, first, last), len(cloud.points))
    return lists


def candidates_of(
    rows: Int64[np.ndarray, "rows"],
    cloud: Centred,
    keep: int,
    labels: Int32[np.ndarray, "tokens kinds"],
) -> Candidates:
    """The `keep` lowest-scoring candidates of the tokens `rows` only, in their order.

    Others of the same label (`labels`, of any kind) are none.
    """
    lists = no_candidates(len(rows), keep, cloud.points.dtype)
    points, half = cloud.points, cloud.half_squares

    def search(first: int, last: int) -> None:
        mine = rows[first:last]
        for column in range(0, len(points), WHOLE):
            products = points[mine] @ points[column : column + WHOLE].T
            if labels.shape[1]:
                leave_out(products, labels, mine, column)
            limits = likely_bounds(products, half[column : column + WHOLE], keep)
            offer_rows(products, half, limits, mine, column, lists, first)
        finish(lists, first, last)

    over_rows(search, len(rows))
    return lists


def _whole(cloud: Centred, lists: Candidates) -> None:
    # numpy makes X Xᵀ with half the operations of a product of two matrices.
    products = cloud.points @ cloud.points.T
    tokens = np.arange(len(products))

    def offer(first: int, last: int) -> None:
        own, half = products[first:last], cloud.half_squares
        limits = likely_bounds(own, half, lists.keep)
        offer_rows(own, half, limits, tokens[first:last], 0, lists, first)

    over_rows(offer, len(products))


def _by_blocks(cloud: Centred, lists: Candidates, fixed: FixedPoint | None) -> None:
    points, half = cloud.points, cloud.half_squares
    whole = 0 if fixed is None else len(fixed.numbers)  # tokens in fixed point
    blocks = [
        slice(first, min(first + BLOCK, last))
        for begin, last in ((0, whole), (whole, len(points)))
        for first in range(begin, last, BLOCK)
    ]
    locks = [Lock() for _ in blocks]  # a list has one writer at a time
    _bound_by_sample(cloud, lists, fixed)

    def serve(pair: tuple[int, int]) -> None:
        a, b = blocks[pair[0]], blocks[pair[1]]
        if fixed is None or b.stop > whole:
            products = points[a] @ points[b].T
            with locks[pair[0]], locks[pair[1]] if a != b else nullcontext():
                offer_block(products, half, a.start, b.start, lists)
        else:
            numbers = fixed.products(a, b)
            with locks[pair[0]], locks[pair[1]] if a != b else nullcontext():
                offer_whole_numbers(numbers, half, a.start, b.start, lists)

    # Diagonal by diagonal: near tokens stand together, so that all bounds fall early.
    pairs = [(a, a + gap) for gap in range(len(blocks)) for a in range(len(blocks) - gap)]
    side_by_side(serve, pairs, "nearest neighbours" if len(points) >= LONG else None)


def _bound_by_sample(cloud: Centred, lists: Candidates, fixed: FixedPoint | None) -> None:
    """First bounds from an even sample of candidates, so that few others enter the lists.

    The rank is such that hardly any list ends with fewer than `keep` candidates; such a list is
    still right, and its token is searched again if it is too short for a proof. For the same
    reason the products of the high numbers are enough.
    """
    tokens = len(cloud.points)
    whole = 0 if fixed is None else len(fixed.numbers)
    sample = np.arange(0, whole or tokens, max(1, tokens // max(SAMPLE, tokens // 32)))
    rank = int(RANK * lists.keep * len(sample) / tokens) + 7
    columns, half = cloud.points[sample], cloud.half_squares[sample]

    def work(first: int, last: int) -> None:
        for a in range(first, last, ROWS):
            b = min(a + ROWS, last)
            if fixed is None or b > whole:
                products = cloud.points[a:b] @ columns.T
            else:
                products = fixed.rough_products(slice(a, b), sample)
            first_bounds(products, half, rank, lists.bound, a)

    over_rows(work, tokens)
