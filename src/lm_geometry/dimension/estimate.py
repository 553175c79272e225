"""The dimension of a cloud or of its neighbourhoods in one call, by the name of the estimator."""

import inspect
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lm_geometry.dimension import gride, library, lpca, mle, twonn
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.neighbours.graph import Backend

Local = Literal["twonn", "lpca", "mle"]


def local_dimension(
    X: Any,
    n_neighbors: int = 128,
    estimator: Local = "twonn",
    backend: Backend = "auto",
    **options: Any,
) -> NDArray[np.float64]:
    """The dimension around every token of the point cloud X `[tokens, width]`, float64 `[tokens]`.

    `estimator` and its `options`: "twonn" (`cdf` "i/n" or "(i-1)/n", `fit` "linear" or "mle",
    `discard` 0.1; `twonn.local_from_graph`), "lpca" (`rule` "FO", its constants, `rows`;
    `lpca.local`), "mle" (`unbiased`; `mle.local_from_graph`). Every estimate is biased by the
    neighbourhood's size: compare only at the same `n_neighbors`, number of tokens and options.
    Copies of a row are not removed: see `deduplicate`.
    Raises ValueError as `neighbour_graph`, for an unknown name, and for values out of range.
    """
    functions = {"twonn": twonn.local_from_graph, "lpca": lpca.local, "mle": mle.local_from_graph}
    if estimator not in functions:
        raise ValueError(f"estimator is {estimator!r}; it must be twonn, lpca or mle")
    _check_options(functions[estimator], estimator, options, {"graph", "X", "n_neighbors"})
    if estimator == "lpca":
        lpca.check(options.get("rule", "FO"), _constants(options), n_neighbors)
    graph = neighbour_graph(X, n_neighbors, backend)
    if estimator == "lpca":
        return lpca.local(X, graph, n_neighbors, **options)
    if estimator == "mle":
        return mle.local_from_graph(graph, n_neighbors, **options)
    return twonn.local_from_graph(graph, n_neighbors, X=X, **options)


def global_dimension(
    X: Any, estimator: str = "twonn", backend: Backend = "auto", **options: Any
) -> float:
    """The dimension of the whole point cloud X `[tokens, width]`.

    `estimator` and its `options`: "twonn" (as `local_dimension`), "mle" (`n_neighbors` 20,
    `unbiased`), "gride" (`scale` 2: the rank of the farther neighbour, a power of 2), "lpca"
    (`rule` and its constants), or the name of an estimator of scikit-dimension, such as "DANCo" or
    "CorrInt", with that class's own options.
    Raises ValueError as `neighbour_graph`, for an unknown name, and for values out of range.
    """
    own: dict[str, Callable[..., float]] = {"twonn": _twonn, "mle": _mle, "gride": _gride}
    if estimator in own:
        _check_options(own[estimator], estimator, options, {"X", "backend"})
        return own[estimator](X, backend, **options)
    if estimator == "lpca":
        return lpca.of_cloud(X, **options)
    return library.dimension(X, estimator, backend, **options)


def _twonn(
    X: Any,
    backend: Backend,
    cdf: twonn.Cdf = "i/n",
    fit: twonn.Fit = "linear",
    discard: float = 0.1,
) -> float:
    return twonn.global_from_graph(neighbour_graph(X, 2, backend), cdf, fit, discard)


def _mle(X: Any, backend: Backend, n_neighbors: int = 20, unbiased: bool = False) -> float:
    graph = neighbour_graph(X, n_neighbors, backend)
    return mle.global_from_graph(graph, n_neighbors, unbiased)


def _gride(X: Any, backend: Backend, scale: int = 2) -> float:
    if scale < 2 or scale & (scale - 1):
        raise ValueError(f"scale is {scale}; it must be a power of 2, at least 2")
    return float(gride.from_graph(neighbour_graph(X, scale, backend), scale).dimension[-1])


def _constants(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("rule", "rows")}


def _check_options(
    function: Callable[..., Any], estimator: str, options: dict[str, Any], given: set[str]
) -> None:
    """Raises ValueError for options that are no parameters of `function`, those `given` aside."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.name not in given]
    for name in options:
        if name not in known:
            raise ValueError(f"{estimator} has no option {name!r}; it has {', '.join(known)}")
