"""Any other estimator of scikit-dimension, by its name, on our exact neighbours."""

import inspect
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Protocol, Self, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.shapes import Float, Float64, Int32

Nearest = Callable[[int], NeighbourGraph]  # a graph with at least so many neighbours
Option = ArrayLike | None  # of an estimator: a number, a name, numbers of rows


Arrays = tuple[Float64[np.ndarray, "tokens k"], Int32[np.ndarray, "tokens k"]]


class Fitted(Protocol):
    """What the classes of scikit-dimension have in common here."""

    _N_NEIGHBORS: int
    dimension_: float
    dimension_pw_: ArrayLike

    def fit(
        self,
        X: Float[np.ndarray, "tokens width"],
        *,
        n_neighbors: int = ...,
        precomputed_knn_arrays: Arrays = ...,
    ) -> Self: ...

    def fit_pw(
        self,
        X: Float[np.ndarray, "tokens width"],
        *,
        precomputed_knn: Int32[np.ndarray, "tokens k"],
        n_neighbors: int,
    ) -> Self: ...


class Neighbours(TypedDict):
    """The arguments of `fit` that pass neighbours on."""

    n_neighbors: int
    precomputed_knn_arrays: Arrays


def names() -> list[str]:
    """The estimators of the scikit-dimension that is installed."""
    import skdim.id

    return sorted(name for name, value in vars(skdim.id).items() if inspect.isclass(value))


def check(estimator: str, options: Mapping[str, Option], others: str = "") -> None:
    """Raises ValueError for a name or an option that scikit-dimension does not have.

    `others` are the names that would have been right as well. Raises ImportError where there is
    no scikit-dimension that could tell.
    """
    if find_spec("skdim") is None:
        raise ImportError(
            f"estimator is {estimator!r}; it must be {others or 'another'}, or one of "
            "scikit-dimension, which is not installed: pip install scikit-dimension"
        )
    import skdim.id

    if estimator not in names():
        known = f"{others} or {', '.join(names())}".removeprefix(" or ")
        raise ValueError(f"estimator is {estimator!r}; it must be {known}")
    known = inspect.signature(getattr(skdim.id, estimator)).parameters
    for name in options:
        if name not in known:
            raise ValueError(f"{estimator} has no option {name!r}; it has {', '.join(known)}")


def dimension(estimator: str, X: PointCloud, nearest: Nearest, **options: Option) -> float:
    """The dimension of the cloud X by scikit-dimension's `estimator`, made with its `options`.

    An estimator that takes neighbours from outside gets as many as it is used to from
    `nearest(n_neighbors)`. One that draws at random does so from `random_state`, 0 unless it is
    among the options. Cost, source and bias are the library's. Errors as `check`.
    """
    points, fitted = as_cloud(X), _made(estimator, options)
    taken = _takes_distances(fitted)
    near = _neighbours(nearest, min(fitted._N_NEIGHBORS, len(points) - 1)) if taken else None
    with single_threaded_blas(), np.errstate(all="ignore"):
        return float((fitted.fit(points, **near) if near else fitted.fit(points)).dimension_)


def local(
    estimator: str, X: PointCloud, nearest: Nearest, n_neighbors: int, **options: Option
) -> Float64[np.ndarray, "tokens"]:
    """The dimension around every token of X by scikit-dimension's `estimator`, float64 `[tokens]`.

    Local estimators get the distances to the `n_neighbors` nearest; the others are fitted to each
    neighbourhood in turn (`fit_pw`), which takes them milliseconds to seconds for each token.
    Options, errors and the rest as `dimension`.
    """
    points, fitted = as_cloud(X), _made(estimator, options)
    arguments = _neighbours(nearest, n_neighbors)
    with single_threaded_blas(), np.errstate(all="ignore"):
        if _takes_distances(fitted):
            return np.asarray(fitted.fit(points, **arguments).dimension_pw_, np.float64)
        near = arguments["precomputed_knn_arrays"][1]
        found = fitted.fit_pw(points, precomputed_knn=near, n_neighbors=n_neighbors)
        return np.asarray(found.dimension_pw_, np.float64)


def _made(estimator: str, options: Mapping[str, Option]) -> Fitted:
    """The estimator with its options, and with a seed if it draws at random."""
    import skdim.id

    check(estimator, options)
    made = getattr(skdim.id, estimator)
    if "random_state" in inspect.signature(made).parameters:
        options = {"random_state": 0, **options}
    return made(**options)


def _takes_distances(fitted: Fitted) -> bool:
    return "precomputed_knn_arrays" in inspect.signature(fitted.fit).parameters


def _neighbours(nearest: Nearest, n_neighbors: int) -> Neighbours:
    graph = nearest(n_neighbors).nearest(n_neighbors)
    arrays = np.ascontiguousarray(graph.distances), np.ascontiguousarray(graph.indices)
    return {"n_neighbors": n_neighbors, "precomputed_knn_arrays": arrays}
