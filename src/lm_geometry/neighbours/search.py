"""Search in one precision, measure in float64, prove, and search again what is not proved."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours import blocked
from lm_geometry.neighbours.candidates import Candidates
from lm_geometry.neighbours.cloud import Centred, centred
from lm_geometry.neighbours.distances import measure, measure_all
from lm_geometry.neighbours.loops import over_rows

SPARE = 16  # candidates beyond the neighbours asked for; the gap behind them carries the proof
FEW = 64  # up to this many tokens are measured against all others at once

Lists = tuple[NDArray[np.int32], NDArray[np.float64]]


def search(X: NDArray[Any], k: int, backend: str) -> Lists:
    """Indices and distances `[tokens, k]` of the k nearest other rows of X, whose rows differ."""
    keep = min(k + SPARE, len(X) - 1)
    cloud = centred(X)
    tokens, count, reach = _candidates(cloud, keep, backend)
    rows = np.arange(len(X))
    lists = _measured(X, rows, tokens, count, k)
    left = rows[~_proved(cloud, rows, lists[1], count, reach)]
    if len(left) > FEW:
        left = _in_double(X, left, keep, lists)
    _one_by_one(X, left, lists)
    return lists


def _candidates(
    cloud: Centred, keep: int, backend: str
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    if backend == "own":
        lists = blocked.all_candidates(cloud, keep)
        return lists.tokens, lists.filled, _reach(lists, cloud.lengths)
    if backend == "faiss":
        from lm_geometry.neighbours.with_faiss import nearest
    else:
        from lm_geometry.neighbours.with_torch import nearest
    tokens, reach = nearest(cloud, keep)
    if keep == len(tokens) - 1:
        reach[:] = np.inf  # nothing was rejected
    return tokens, np.full(len(tokens), keep), reach


def _reach(lists: Candidates, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per token, the squared distance (as computed) that no rejected candidate is below."""
    return 2 * lists.bound.astype(np.float64) + lengths**2


def _measured(
    X: NDArray[Any],
    rows: NDArray[np.int64],
    tokens: NDArray[np.int32],
    count: NDArray[np.int64],
    k: int,
) -> Lists:
    indices, distances = np.empty((len(rows), k), np.int32), np.empty((len(rows), k))

    def work(first: int, last: int) -> None:
        measure(X, rows, tokens, count, first, last, indices, distances)

    over_rows(work, len(rows))
    return indices, distances


def _proved(
    cloud: Centred,
    rows: NDArray[np.int64],
    distances: NDArray[np.float64],
    count: NDArray[np.int64],
    reach: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """For which tokens no rejected candidate can be as near as the last neighbour.

    A candidate as near as that, at d, is no longer than R = |x| + d. Its squared distance was
    computed with an error of at most (γ + 8u)(|x| + R)², γ = wu / (1 − wu) for w coordinates and
    the rounding unit u (Higham 2002, §3.1, for any order of summation), from coordinates that were
    rounded once. So it would have been computed below `ceiling`, and not been rejected.
    """
    unit, width = cloud.unit, cloud.points.shape[1]
    gamma = width * unit / (1 - width * unit)
    length, last = cloud.lengths[rows], distances[:, -1] * cloud.scale
    both = 2 * length + last
    underflow = 8 * width * float(np.finfo(cloud.points.dtype).tiny)
    ceiling = (last + unit * both) ** 2 + (gamma + 8 * unit) * both**2 + underflow
    return (count >= distances.shape[1]) & (reach > ceiling * (1 + 1e-9))


def _in_double(
    X: NDArray[Any], rows: NDArray[np.int64], keep: int, lists: Lists
) -> NDArray[np.int64]:
    """Searches the tokens `rows` in float64, and returns those that are still not proved."""
    cloud = centred(X, np.float64)
    found = blocked.candidates_of(rows, cloud, keep)
    again = _measured(X, rows, found.tokens, found.filled, lists[0].shape[1])
    lists[0][rows], lists[1][rows] = again
    reach = _reach(found, cloud.lengths[rows])
    return rows[~_proved(cloud, rows, again[1], found.filled, reach)]


def _one_by_one(X: NDArray[Any], rows: NDArray[np.int64], lists: Lists) -> None:
    indices, distances = np.empty_like(lists[0][rows]), np.empty_like(lists[1][rows])

    def work(first: int, last: int) -> None:
        measure_all(X, rows, first, last, indices, distances)

    over_rows(work, len(rows), at_least=1)
    lists[0][rows], lists[1][rows] = indices, distances
