"""The estimators that a cloud's or a neighbourhood's dimension is asked of, by name.

An estimator is a function of X and of `nearest`, which gives a graph of at least so many neighbours
and is called once the options are known to be right. Its options are its keywords.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.dimension import (
    bayesian_twonn,
    binomial,
    ca_pca,
    correlation,
    gride,
    l2n2,
    library,
    lpca,
    mle,
    twonn,
    with_dadapy,
)
from lm_geometry.dimension.library import Nearest, Option
from lm_geometry.neighbours.counts import whole
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.shapes import Float64

Local = Callable[..., Float64[np.ndarray, "rows"]]  # of X, nearest, n_neighbors, **options
Whole = Callable[..., float]  # of X, nearest, **options


Function = TypeVar("Function", Local, Whole)


class Estimator(NamedTuple):
    """The dimension of neighbourhoods, where an estimator has that, and of a whole cloud."""

    local: Local | None
    whole: Whole


def local_of(estimator: str, options: Mapping[str, Option]) -> Local:
    """The function of `estimator` for neighbourhoods, which has `options`.

    Raises ValueError for an unknown name, and for an option that the estimator does not have.
    """
    there = {name: own.local for name, own in OWN.items() if own.local}
    return _named(estimator, options, there, library.local)


def whole_of(estimator: str, options: Mapping[str, Option]) -> Whole:
    """The function of `estimator` for clouds, as `local_of`."""
    there = {name: own.whole for name, own in OWN.items()}
    return _named(estimator, options, there, library.dimension)


def _named(
    estimator: str,
    options: Mapping[str, Option],
    there: Mapping[str, Function],
    others: Function,
) -> Function:
    function = there.get(estimator)
    if function is None:
        library.check(estimator, options, ", ".join(there))
        return cast("Function", partial(others, estimator))
    parameters = inspect.signature(function).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.default is not parameter.empty]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        for name in options:
            if name not in known:
                raise ValueError(f"{estimator} has no option {name!r}; it has {', '.join(known)}")
    return function


def _local_twonn(
    X: PointCloud,
    nearest: Nearest,
    n_neighbors: int,
    cdf: twonn.Cdf = "i/n",
    fit: twonn.Fit = "linear",
    discard: float = 0.1,
) -> Float64[np.ndarray, "tokens"]:
    twonn.check(cdf, fit, discard, n_neighbors)
    return twonn.local_from_graph(nearest(n_neighbors), n_neighbors, cdf, fit, discard, X=X)


def _twonn(
    X: PointCloud,
    nearest: Nearest,
    cdf: twonn.Cdf = "i/n",
    fit: twonn.Fit = "linear",
    discard: float = 0.1,
) -> float:
    return twonn.global_from_graph(nearest(2), cdf, fit, discard)


def _local_lpca(
    X: PointCloud,
    nearest: Nearest,
    n_neighbors: int,
    rows: ArrayLike | None = None,
    rule: lpca.Rule = "FO",
    **constants: float,
) -> Float64[np.ndarray, "rows"]:
    lpca.check(rule, constants, n_neighbors)
    return lpca.local(X, nearest(n_neighbors), n_neighbors, rows, rule, **constants)


def _lpca(X: PointCloud, nearest: Nearest, rule: lpca.Rule = "FO", **constants: float) -> float:
    return lpca.of_cloud(X, rule, **constants)


def _local_mle(
    X: PointCloud, nearest: Nearest, n_neighbors: int, unbiased: bool = False
) -> Float64[np.ndarray, "tokens"]:
    return mle.local_from_graph(nearest(n_neighbors), n_neighbors, unbiased)


def _mle(X: PointCloud, nearest: Nearest, n_neighbors: int = 20, unbiased: bool = False) -> float:
    return mle.global_from_graph(nearest(n_neighbors), n_neighbors, unbiased)


def _gride(X: PointCloud, nearest: Nearest, scale: int = 2) -> float:
    return float(gride.from_graph(nearest(_power_of_2(scale)), scale).dimension[-1])


def _l2n2(X: PointCloud, nearest: Nearest) -> float:
    return l2n2.from_graph(nearest(2))


def _bayesian_twonn(
    X: PointCloud, nearest: Nearest, shape: float = 0.001, rate: float = 0.001
) -> float:
    bayesian_twonn.check(shape, rate, 0.95)
    return bayesian_twonn.from_graph(nearest(2), shape, rate).mean


def _binomial(
    X: PointCloud, nearest: Nearest, n_neighbors: int = 20, ratio: float = binomial.RATIO
) -> float:
    binomial.check(n_neighbors, ratio)
    return binomial.from_graph(nearest(n_neighbors), n_neighbors, ratio).dimension


def _correlation(X: PointCloud, nearest: Nearest, k1: int = 10, k2: int = 20) -> float:
    correlation.check(k1, k2)
    return correlation.from_graph(X, nearest(k2), k1, k2)


def _local_ca_pca(
    X: PointCloud, nearest: Nearest, n_neighbors: int
) -> Float64[np.ndarray, "tokens"]:
    ca_pca.check(n_neighbors)
    return ca_pca.local(X, nearest(n_neighbors), n_neighbors)


def _ca_pca(X: PointCloud, nearest: Nearest, n_neighbors: int = 32) -> float:
    ca_pca.check(n_neighbors)
    return ca_pca.of_cloud(X, nearest(n_neighbors), n_neighbors)


def _dadapy_twonn(
    X: PointCloud,
    nearest: Nearest,
    algorithm: with_dadapy.Algorithm = "base",
    mu_fraction: float = 0.9,
) -> float:
    return with_dadapy.twonn(nearest(2), algorithm, mu_fraction)


def _dadapy_gride(X: PointCloud, nearest: Nearest, scale: int = 2) -> float:
    return float(with_dadapy.gride(nearest(_power_of_2(scale)), scale).dimension[-1])


def _power_of_2(scale: int) -> int:
    if whole(scale, "scale") < 2 or scale & (scale - 1):
        raise ValueError(f"scale is {scale}; it must be a power of 2, at least 2")
    return scale


LOCAL_OF_NEIGHBOURS = (
    "twonn",
    "lpca",
    "mle",
    "ca_pca",
)  # pairs that a graph leaves out do not count
OF_NEIGHBOURS = (
    "twonn",
    "mle",
    "gride",
    "l2n2",
    "bayesian_twonn",
    "binomial",
    "dadapy.twonn",
    "dadapy.gride",
)

OWN = {
    "twonn": Estimator(_local_twonn, _twonn),
    "lpca": Estimator(_local_lpca, _lpca),
    "mle": Estimator(_local_mle, _mle),
    "gride": Estimator(None, _gride),
    "l2n2": Estimator(None, _l2n2),
    "bayesian_twonn": Estimator(None, _bayesian_twonn),
    "binomial": Estimator(None, _binomial),
    "correlation": Estimator(None, _correlation),
    "ca_pca": Estimator(_local_ca_pca, _ca_pca),
    "dadapy.twonn": Estimator(None, _dadapy_twonn),
    "dadapy.gride": Estimator(None, _dadapy_gride),
}
