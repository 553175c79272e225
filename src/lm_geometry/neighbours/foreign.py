"""Neighbours that another package found, checked before any estimate is made of them."""

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours.counts import whole
from lm_geometry.neighbours.search import nearest_of_all
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.lists import Lists
from lm_geometry.point_cloud.magnitude import in_range
from lm_geometry.point_cloud.shapes import Bool, Float, Float64, Int64, Shaped

TOLERANCE = 1e-3  # of a distance, relative: float32 by products of coordinates is seldom as far off


def checked(indices: ArrayLike, distances: ArrayLike) -> Lists:
    """The lists of `NeighbourGraph.from_arrays`, int32 and float64; raises as it does."""
    tokens, far = np.asarray(indices), np.asarray(distances)
    if tokens.ndim != 2 or tokens.shape != far.shape:
        raise ValueError(
            f"indices have shape {tokens.shape} and distances {far.shape}; equal "
            "[tokens, n_neighbors] are needed"
        )
    if tokens.dtype.kind not in "iu" or far.dtype.kind != "f":
        raise ValueError(
            f"indices are {tokens.dtype} and distances {far.dtype}; whole numbers and floats are "
            "needed"
        )
    n, k = tokens.shape
    if n < 3 or not 1 <= k < n:
        raise ValueError(f"{n} rows have {k} neighbours each; from 1 to {max(n - 1, 0)}, of 3 rows")
    _check_indices(tokens, n)
    _check_distances(far)
    return Lists(np.ascontiguousarray(tokens, np.int32), np.ascontiguousarray(far, np.float64))


def _check_indices(tokens: Shaped[np.ndarray, "tokens k"], n: int) -> None:
    _refuse((tokens < 0) | (tokens >= n), tokens, f"a neighbour is a row from 0 to {n - 1}")
    own = tokens == np.arange(n)[:, None]
    first = "; leave out the first column" if own[:, 0].all() else ""
    _refuse(own, tokens, f"no token is its own neighbour{first}")
    order = np.argsort(tokens, axis=1, kind="stable")
    ordered = np.take_along_axis(tokens, order, axis=1)
    again = np.zeros(tokens.shape, np.bool_)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    _refuse(again, tokens, "no neighbour comes twice")


def _check_distances(far: Float[np.ndarray, "tokens k"]) -> None:
    _refuse(~np.isfinite(far), far, "a distance is a finite number")
    _refuse(far < 0, far, "no distance is negative")
    nearer = np.zeros(far.shape, np.bool_)
    nearer[:, 1:] = far[:, 1:] < far[:, :-1]
    _refuse(nearer, far, "distances are sorted, nearest first")


def _refuse(
    bad: Bool[np.ndarray, "tokens k"], values: Shaped[np.ndarray, "tokens k"], rule: str
) -> None:
    """Raises ValueError, with the first bad place and the rule, where there is one."""
    if bad.any():
        row, rank = np.argwhere(bad)[0]
        more = f" ({int(bad.any(axis=1).sum())} rows)"
        raise ValueError(f"row {row} has {values[row, rank]} at place {rank}{more}: {rule}")


def recall_in(lists: Lists, X: PointCloud, sample: int, seed: int) -> float:
    """The share of true neighbours that the lists hold of `sample` tokens of X, drawn by `seed`.

    Raises ValueError where X `[tokens, width]` has not as many tokens, and where one of their
    distances is not that of X.
    """
    (points,), power = in_range(as_cloud(X))
    if len(points) != len(lists.indices):
        raise ValueError(f"X has {len(points)} tokens, but there are {len(lists.indices)} rows")
    if whole(sample, "sample") < 1:
        raise ValueError(f"sample is {sample}; at least one token must be looked at")
    rows = np.random.default_rng(seed).choice(len(points), min(sample, len(points)), replace=False)
    rows.sort()
    exact = _distances(points, rows, lists)
    _check_against(np.ldexp(exact, -power), rows, lists.distances[rows])
    farthest = nearest_of_all(points, rows, exact.shape[1]).distances[:, -1:]
    return float(np.mean(exact <= farthest * (1 + 1e-12)))  # sums in another order


def _distances(
    points: Float[np.ndarray, "tokens width"], rows: Int64[np.ndarray, "rows"], lists: Lists
) -> Float64[np.ndarray, "rows k"]:
    """The distances to the listed neighbours of `rows`, by differences in float64."""
    found = np.empty((len(rows), lists.indices.shape[1]))
    for place, row in enumerate(rows):
        differences = points[lists.indices[row]].astype(np.float64) - points[row]
        found[place] = np.sqrt(np.einsum("kw,kw->k", differences, differences))
    return found


def _check_against(
    exact: Float64[np.ndarray, "rows k"],
    rows: Int64[np.ndarray, "rows"],
    given: Float64[np.ndarray, "rows k"],
) -> None:
    off = np.abs(given - exact) > TOLERANCE * exact
    if not off.any():
        return
    place, rank = np.argwhere(off)[0]
    squared = np.allclose(given, exact**2, rtol=2 * TOLERANCE, atol=0)
    raise ValueError(
        f"row {rows[place]} has the distance {given[place, rank]:g} at place {rank}, but in X it "
        f"is {exact[place, rank]:g}: distances are Euclidean ones of X"
        + ("; these are their squares" if squared else "")
    )
