"""The dimension of a cloud or of its neighbourhoods in one call, by the name of the estimator."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.dimension import gride, library, lpca, mle, twonn, with_dadapy
from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.neighbours.graph import Backend

USUAL = {"cdf": "i/n", "fit": "linear", "discard": 0.1}  # TwoNN's options where none are given


def local_dimension(
    X: Any,
    n_neighbors: int = 128,
    estimator: str = "twonn",
    cdf: twonn.Cdf = "i/n",
    fit: twonn.Fit = "linear",
    discard: float = 0.1,
    *,
    graph: NeighbourGraph | None = None,
    backend: Backend = "auto",
    **options: Any,
) -> NDArray[np.float64]:
    """The dimension around every token of the point cloud X `[tokens, width]`, float64 `[tokens]`.

    A token's neighbourhood are its `n_neighbors` = L nearest other tokens, without itself. X is
    numpy, a memmap or torch on any device, float16 to float64. Copies of a row are not removed: see
    `deduplicate`. `estimator` and what it takes:

    - "twonn": `cdf`, `fit`, `discard`, and no others (`dimension.twonn.local_from_graph`)
    - "lpca": `rule` "FO" and its constants, `rows` (`dimension.lpca.local`)
    - "mle": `unbiased` (`dimension.mle.local_from_graph`)
    - an estimator of scikit-dimension by its name, such as "TLE" or "MOM", with that class's own
      options, on the same neighbourhoods (`dimension.library.local`)

    Source: Facco et al. 2017 for "twonn"; the others' stand with them.
    Cost: the graph takes O(tokens² width) time (one blocked matrix product) and O(tokens · L)
    memory; the estimates O(tokens · L²), for "lpca" O(tokens · L² · width). `graph`, a
    `neighbour_graph` of X with at least L neighbours, serves any number of calls and every smaller
    L; without it one is made with `backend`.
    Bias: too low, the more so the higher the dimension (0.88 of 10, 0.73 of 20 for "twonn" at
    L = 128). Compare only at the same L, number of tokens, and options.
    Raises ValueError as `neighbour_graph`, for an unknown name, for an option that the estimator
    does not have, and for values out of range.
    """
    rule = {"cdf": cdf, "fit": fit, "discard": discard}
    if estimator == "twonn":
        _check_options(estimator, options, list(rule))
        twonn.check(cdf, fit, discard, n_neighbors)
        return twonn.local_from_graph(
            _near(X, n_neighbors, graph, backend), n_neighbors, **rule, X=X
        )
    if changed := [name for name in rule if rule[name] != USUAL[name]]:
        raise ValueError(f"{changed[0]} is an option of twonn, but estimator is {estimator!r}")
    if estimator == "lpca":
        constants = {k: v for k, v in options.items() if k not in ("rule", "rows")}
        lpca.check(options.get("rule", "FO"), constants, n_neighbors)
        return lpca.local(X, _near(X, n_neighbors, graph, backend), n_neighbors, **options)
    if estimator == "mle":
        _check_options(estimator, options, ["unbiased"])
        return mle.local_from_graph(_near(X, n_neighbors, graph, backend), n_neighbors, **options)
    library.check(estimator, options, "twonn, lpca, mle")
    return library.local(
        X, estimator, _near(X, n_neighbors, graph, backend), n_neighbors, **options
    )


def global_dimension(
    X: Any,
    estimator: str = "twonn",
    *,
    graph: NeighbourGraph | None = None,
    backend: Backend = "auto",
    **options: Any,
) -> float:
    """The dimension of the whole point cloud X `[tokens, width]`.

    X, `graph` and `backend` as `local_dimension`; a graph of too few neighbours is not used.
    `estimator` and its `options`:

    - "twonn": `cdf` "i/n", `fit` "linear", `discard` 0.1; two neighbours of every token
    - "mle": `n_neighbors` 20, `unbiased` False; the harmonic mean of the local estimates
    - "gride": `scale` 2, the rank of the farther neighbour, a power of 2
    - "lpca": `rule` "FO" and its constants, on the covariance of the cloud
    - "dadapy.twonn" (`algorithm` "base", `mu_fraction` 0.9) and "dadapy.gride" (`scale` 2):
      DADApy's own code, where it is installed, on our neighbours
    - an estimator of scikit-dimension by its name, such as "DANCo" or "CorrInt", with that class's
      own options

    Source: Facco et al. 2017 ("twonn"), Levina, Bickel 2004 ("mle"), Denti et al. 2022 ("gride").
    Cost: that of the graph, O(tokens² width); what follows is small, but O(tokens width²) for
    "lpca", and for scikit-dimension's what its code takes.
    Bias: too low, as `local_dimension`; the README has a table for known manifolds. "lpca" counts
    linear directions: a curved cloud reads too high.
    Raises ValueError as `neighbour_graph`, for an unknown name or option, and for values out of
    range; ImportError for "dadapy." names where DADApy is not installed.
    """
    if estimator == "lpca":
        return lpca.of_cloud(X, **options)

    def nearest(k: int) -> NeighbourGraph:
        enough = graph is not None and graph.n_neighbors >= k
        return _near(X, k, graph if enough else None, backend)

    if estimator in OWN:
        _check_options(estimator, options, list(inspect.signature(OWN[estimator]).parameters)[1:])
        return OWN[estimator](nearest, **options)
    library.check(estimator, options, f"{', '.join(OWN)}, lpca")
    return library.dimension(X, estimator, nearest, **options)


Nearest = Callable[[int], NeighbourGraph]  # a graph with at least so many neighbours


def _twonn(
    nearest: Nearest, cdf: twonn.Cdf = "i/n", fit: twonn.Fit = "linear", discard: float = 0.1
) -> float:
    return twonn.global_from_graph(nearest(2), cdf, fit, discard)


def _mle(nearest: Nearest, n_neighbors: int = 20, unbiased: bool = False) -> float:
    return mle.global_from_graph(nearest(n_neighbors), n_neighbors, unbiased)


def _gride(nearest: Nearest, scale: int = 2) -> float:
    return float(gride.from_graph(nearest(_power_of_2(scale)), scale).dimension[-1])


def _dadapy_twonn(
    nearest: Nearest, algorithm: with_dadapy.Algorithm = "base", mu_fraction: float = 0.9
) -> float:
    return with_dadapy.twonn(nearest(2), algorithm, mu_fraction)


def _dadapy_gride(nearest: Nearest, scale: int = 2) -> float:
    return float(with_dadapy.gride(nearest(_power_of_2(scale)), scale).dimension[-1])


OWN: dict[str, Callable[..., float]] = {
    "twonn": _twonn,
    "mle": _mle,
    "gride": _gride,
    "dadapy.twonn": _dadapy_twonn,
    "dadapy.gride": _dadapy_gride,
}


def _power_of_2(scale: int) -> int:
    if scale < 2 or scale & (scale - 1):
        raise ValueError(f"scale is {scale}; it must be a power of 2, at least 2")
    return scale


def _near(
    X: Any, n_neighbors: int, graph: NeighbourGraph | None, backend: Backend
) -> NeighbourGraph:
    """The given graph where it has enough neighbours, else one made for the purpose."""
    if graph is None:
        return neighbour_graph(X, n_neighbors, backend)
    if len(graph) != len(X):
        raise ValueError(f"X has {len(X)} tokens, but its graph has {len(graph)}")
    graph.nearest(n_neighbors)  # raises where it has fewer
    return graph


def _check_options(estimator: str, options: dict[str, Any], known: list[str]) -> None:
    for name in options:
        if name not in known:
            raise ValueError(f"{estimator} has no option {name!r}; it has {', '.join(known)}")
