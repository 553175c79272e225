"""Search in one precision, measure in float64, prove, and search again what is not proved."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from lm_geometry.neighbours import blocked
from lm_geometry.neighbours.candidates import Candidates
from lm_geometry.neighbours.distances import measure, measure_all
from lm_geometry.neighbours.fixed_point import FixedPoint, in_fixed_point, is_faster
from lm_geometry.neighbours.labels import no_labels
from lm_geometry.neighbours.locality import near_together
from lm_geometry.neighbours.with_torch import device_or_default
from lm_geometry.neighbours.with_torch import measured as measured_on_device
from lm_geometry.point_cloud.cloud import Centred, centred
from lm_geometry.point_cloud.lists import Lists, empty_lists
from lm_geometry.point_cloud.loops import over_rows
from lm_geometry.point_cloud.rounding import ceiling
from lm_geometry.point_cloud.shapes import Bool, Float, Float64, Int32, Int64

if TYPE_CHECKING:
    import torch

SPARE = 16  # candidates beyond the neighbours asked for; the gap behind them carries the proof
FEW = 64  # up to this many tokens are measured against all others at once


def search(X: Float[np.ndarray, "tokens width"], k: int, backend: str) -> Lists:
    """Indices and distances `[tokens, k]` of the k nearest other rows of X, whose rows differ."""
    keep = min(k + SPARE, len(X) - 1)
    cloud, tokens, count, reach = _candidates(X, keep, backend)
    if backend.startswith("torch") and _is_gpu(device_or_default()):
        lists = _measured_on_device(X, cloud.order, tokens, k)
    else:
        lists = measured(X, cloud.order, cloud.order, tokens, count, k)
    last = lists[1][cloud.order, -1]
    left = np.sort(cloud.order[~_proved(cloud, cloud.lengths, last, count >= k, reach)])
    return redone(X, left, keep, lists)


def _measured_on_device(
    X: Float[np.ndarray, "tokens width"],
    order: Int64[np.ndarray, "tokens"],
    tokens: Int32[np.ndarray, "tokens room"],
    k: int,
) -> Lists:
    """The k nearest of candidates whose rows, and whose numbers, are in this order."""
    of_rows = np.empty_like(tokens)
    of_rows[order] = order.astype(np.int32)[tokens]
    return measured_on_device(X, of_rows, k)


def _is_gpu(device: "torch.device") -> bool:
    return device.type != "cpu"


def redone(
    X: Float[np.ndarray, "tokens width"], rows: Int64[np.ndarray, "rows"], keep: int, lists: Lists
) -> Lists:
    """`lists` with those of the tokens `rows` made again, in float64 and without a doubt."""
    if len(rows) > FEW:
        rows = _of_rows(X, rows, keep, lists, no_labels(len(X)), np.float64)
    _one_by_one(X, rows, lists)
    return lists


def _candidates(
    X: Float[np.ndarray, "tokens width"], keep: int, backend: str
) -> tuple[
    Centred,
    Int32[np.ndarray, "tokens room"],
    Int64[np.ndarray, "tokens"],
    Float64[np.ndarray, "tokens"],
]:
    """The cloud in the precision of the search, and candidates, their number and reach in it."""
    if backend == "own":
        cloud, fixed = _arranged(X)
        lists = blocked.all_candidates(cloud, keep, fixed)
        return cloud, lists.tokens, lists.filled, _reach(lists, cloud.lengths)
    if backend == "torch-int8" and (found := in_fixed_point(X, *near_together(X))):
        from lm_geometry.neighbours import with_matrix_units

        cloud, fixed = found
        return _whole(cloud, keep, *with_matrix_units.nearest(cloud, fixed, keep))
    if backend == "faiss":
        from lm_geometry.neighbours.with_faiss import nearest
    else:
        from lm_geometry.neighbours.with_torch import nearest
    cloud = centred(X)
    return _whole(cloud, keep, *nearest(cloud, keep))


def _whole(
    cloud: Centred,
    keep: int,
    tokens: Int32[np.ndarray, "tokens keep"],
    reach: Float64[np.ndarray, "tokens"],
) -> tuple[
    Centred,
    Int32[np.ndarray, "tokens keep"],
    Int64[np.ndarray, "tokens"],
    Float64[np.ndarray, "tokens"],
]:
    """The same with as many candidates of every token."""
    if keep == len(tokens) - 1:
        reach[:] = np.inf  # nothing was rejected
    return cloud, tokens, np.full(len(tokens), keep), reach


def _arranged(X: Float[np.ndarray, "tokens width"]) -> tuple[Centred, FixedPoint | None]:
    if len(X) <= blocked.WHOLE:
        return centred(X), None
    order, ordinary = near_together(X)
    if is_faster(*X.shape) and (found := in_fixed_point(X, order, ordinary)):
        cloud, fixed = found
        return (_without_points(cloud) if len(fixed.numbers) == len(X) else cloud), fixed
    return centred(X, order=order), None


def _without_points(cloud: Centred) -> Centred:
    """The cloud whose points nothing reads any more, as large as itself: NaN of the same shape."""
    return cloud._replace(points=np.broadcast_to(np.float32(np.nan), cloud.points.shape))


def _reach(lists: Candidates, lengths: Float64[np.ndarray, "rows"]) -> Float64[np.ndarray, "rows"]:
    """Per token, the squared distance (as computed) that no rejected candidate is below."""
    return 2 * lists.bound.astype(np.float64) + lengths**2


def measured(
    X: Float[np.ndarray, "tokens width"],
    rows: Int64[np.ndarray, "rows"],
    names: Int64[np.ndarray, "tokens"],
    tokens: Int32[np.ndarray, "rows room"],
    count: Int64[np.ndarray, "rows"],
    k: int,
    into: Lists | None = None,
) -> Lists:
    """The k nearest of every row's candidates, whose numbers stand for the tokens `names`."""
    lists = into or empty_lists(len(X), k)

    def work(first: int, last: int) -> None:
        measure(X, rows, names, tokens, count, first, last, lists)

    over_rows(work, len(rows))
    return lists


def _proved(
    cloud: Centred,
    length: Float64[np.ndarray, "rows"],
    farthest: Float64[np.ndarray, "rows"],
    enough: Bool[np.ndarray, "rows"],
    reach: Float64[np.ndarray, "rows"],
) -> Bool[np.ndarray, "rows"]:
    """For which tokens no rejected candidate can be as near as the last neighbour, at `farthest`.

    It would have been computed below `ceiling`, and not been rejected.
    """
    return enough & (reach > ceiling(cloud, length, farthest))


def _of_rows(
    X: Float[np.ndarray, "tokens width"],
    rows: Int64[np.ndarray, "rows"],
    keep: int,
    lists: Lists,
    labels: Int32[np.ndarray, "tokens kinds"],
    dtype: DTypeLike,
) -> Int64[np.ndarray, "left"]:
    """Searches the tokens `rows` in that precision; returns those that are still not proved."""
    cloud = centred(X, dtype)
    k = lists.indices.shape[1]
    found = blocked.candidates_of(rows, cloud, keep, labels)
    measured(X, rows, cloud.order, found.tokens, found.filled, k, lists)
    length, last = cloud.lengths[rows], lists.distances[rows, -1]
    return rows[~_proved(cloud, length, last, found.filled >= k, _reach(found, length))]


def _one_by_one(
    X: Float[np.ndarray, "tokens width"], rows: Int64[np.ndarray, "rows"], lists: Lists
) -> None:
    lists[0][rows], lists[1][rows] = nearest_of_all(X, rows, lists[0].shape[1])


def nearest_unlike(
    X: Float[np.ndarray, "tokens width"],
    rows: Int64[np.ndarray, "rows"],
    k: int,
    labels: Int32[np.ndarray, "tokens kinds"],
) -> Lists:
    """The k nearest of the tokens `rows`, `[rows, k]`, others of the same label apart.

    Equal to `nearest_of_all`, of which every token has k, and many times as fast for many rows.
    """
    lists, left, keep = empty_lists(len(X), k), rows, min(k + SPARE, len(X) - 1)
    for dtype in (np.float32, np.float64):
        if len(left) > FEW:
            left = _of_rows(X, left, keep, lists, labels, dtype)
    lists.indices[left], lists.distances[left] = nearest_of_all(X, left, k, labels)
    return Lists(lists.indices[rows], lists.distances[rows])


def nearest_of_all(
    X: Float[np.ndarray, "tokens width"],
    rows: Int64[np.ndarray, "rows"],
    k: int,
    labels: Int32[np.ndarray, "tokens kinds"] | None = None,
) -> Lists:
    """The k nearest of the tokens `rows`, `[rows, k]`, by the distances to all others.

    Others of the same label (`labels`, of any kind) do not count.
    """
    lists = empty_lists(len(rows), k)
    of_all = no_labels(len(X)) if labels is None else labels

    def work(first: int, last: int) -> None:
        measure_all(X, of_all, rows, first, last, lists)

    over_rows(work, len(rows), at_least=1)
    return lists
