"""The dimension of a cloud or of its neighbourhoods in one call, by the name of the estimator."""

import inspect
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.dimension import registry
from lm_geometry.dimension.registry import Option, local_of, whole_of
from lm_geometry.dimension.twonn import Cdf, Fit
from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.neighbours.filtered import excluding
from lm_geometry.neighbours.graph_of_cloud import Backend
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.shapes import Float64


def local_dimension(
    X: PointCloud,
    n_neighbors: int = 128,
    estimator: str = "twonn",
    cdf: Cdf = "i/n",
    fit: Fit = "linear",
    discard: float = 0.1,
    *,
    exclude: ArrayLike | None = None,
    graph: NeighbourGraph | None = None,
    backend: Backend = "auto",
    **options: Option,
) -> Float64[np.ndarray, "rows"]:
    """The dimension around every token of the point cloud X `[tokens, width]`, float64 `[tokens]`.

    A token's neighbourhood are its `n_neighbors` = L nearest other tokens, without itself. X is
    numpy, a memmap or torch on any device, float16 to float64. Copies of a row are not removed: see
    `deduplicate`. `estimator` and what it takes:

    - "twonn": `cdf`, `fit`, `discard` (`dimension.twonn.local_from_graph`)
    - "lpca": `rule` "FO" and its constants, `rows` (`dimension.lpca.local`)
    - "mle": `unbiased` (`dimension.mle.local_from_graph`)
    - "ca_pca": nothing (`dimension.ca_pca.local`)
    - an estimator of scikit-dimension by its name, such as "TLE" or "MOM", with that class's own
      options, on the same neighbourhoods (`dimension.library.local`)

    `exclude` are labels `[tokens]` or `[tokens, kinds]`, such as the document of each token: tokens
    of one label are no neighbours of each other, and their pairs do not count inside a
    neighbourhood either ("twonn"). The tokens of a text are not independent, and those of one
    document lie near each other; see `neighbours.filtered.excluding` for what it does and overdoes.

    Source: Facco et al. 2017 for "twonn"; the others' stand with them.
    Cost: the graph takes O(tokens² width) time (one blocked matrix product) and O(tokens · L)
    memory; the estimates O(tokens · L²), for "lpca" O(tokens · L² · width). `graph`, a
    `neighbour_graph` of X with at least L neighbours, serves any number of calls and every smaller
    L; without it one is made with `backend`.
    Bias: too low, the more so the higher the dimension (0.82 to 0.87 of 10, 0.71 to 0.75 of 20
    for "twonn" at L = 128). Compare only at the same L, number of tokens, and options.
    Raises ValueError as `neighbour_graph`, for an unknown name, for an option that the estimator
    does not have, for values out of range, and for `exclude` with an estimator of scikit-dimension,
    which looks at all pairs. Warns where no estimate is finite.
    """
    _refuse_pairs(exclude, estimator, registry.LOCAL_OF_NEIGHBOURS)
    rule: dict[str, Option] = {"cdf": cdf, "fit": fit, "discard": discard}
    if estimator == "twonn":
        options = rule | options
    else:
        _refuse_others(rule, estimator)
    estimate = local_of(estimator, options)
    found = estimate(X, lambda k: _near(X, k, graph, backend, exclude), n_neighbors, **options)
    if not np.isfinite(found).any():
        warnings.warn(
            f"the dimension is undefined around each of the {len(found)} tokens: their neighbours "
            "are copies, or equally far; `deduplicate` leaves copies out",
            RuntimeWarning,
            stacklevel=2,
        )
    return found


def global_dimension(
    X: PointCloud,
    estimator: str = "twonn",
    *,
    exclude: ArrayLike | None = None,
    graph: NeighbourGraph | None = None,
    backend: Backend = "auto",
    **options: Option,
) -> float:
    """The dimension of the whole point cloud X `[tokens, width]`.

    X, `exclude`, `graph` and `backend` as `local_dimension`; a graph of too few neighbours is not
    used, and `exclude` is for "twonn", "mle", "gride", "l2n2", "bayesian_twonn", "binomial" and
    DADApy's.
    `estimator` and its `options`:

    - "twonn": `cdf` "i/n", `fit` "linear", `discard` 0.1; two neighbours of every token
    - "mle": `n_neighbors` 20, `unbiased` False; the harmonic mean of the local estimates
    - "gride": `scale` 2, the rank of the farther neighbour, a power of 2
    - "lpca": `rule` "FO" and its constants, on the covariance of the cloud
    - "l2n2": two neighbours of every token (`dimension.l2n2.from_distances`)
    - "bayesian_twonn": `shape` and `rate` of the prior; the mean of `bayesian_twonn`, which has the
      interval too
    - "binomial": `n_neighbors` 20, `ratio` 0.8 (`dimension.binomial.from_graph`)
    - "correlation": `k1` 10, `k2` 20, the ranks behind the radii; the slope of
      `correlation_integral` (`dimension.correlation.from_graph`)
    - "ca_pca": `n_neighbors` 32; the mean of the local estimates
    - "dadapy.twonn" (`algorithm` "base", `mu_fraction` 0.9) and "dadapy.gride" (`scale` 2):
      DADApy's own code, where it is installed, on our neighbours
    - an estimator of scikit-dimension by its name, such as "DANCo" or "CorrInt", with that class's
      own options

    Source: Facco et al. 2017 ("twonn"), Levina, Bickel 2004 ("mle"), Denti et al. 2022 ("gride");
    the others' stand with them.
    Cost: that of the graph, O(tokens² width); what follows is small, but O(tokens width²) for
    "lpca", O(tokens² width) for "correlation", and for scikit-dimension's what its code takes.
    Bias: too low, as `local_dimension`; the README has a table for known manifolds. "lpca" counts
    linear directions: a curved cloud reads too high.
    Raises ValueError as `neighbour_graph`, for an unknown name or option, and for values out of
    range; ImportError for "dadapy." names where DADApy is not installed.
    """
    _refuse_pairs(exclude, estimator, registry.OF_NEIGHBOURS)
    estimate = whole_of(estimator, options)

    def nearest(k: int) -> NeighbourGraph:
        enough = graph is not None and graph.n_neighbors >= k
        return _near(X, k, graph if enough else None, backend, exclude)

    return estimate(X, nearest, **options)


def _refuse_others(rule: dict[str, Option], estimator: str) -> None:
    """Raises ValueError where an option of twonn is given to another estimator."""
    usual = inspect.signature(local_dimension).parameters
    for name, value in rule.items():
        if value != usual[name].default:
            raise ValueError(f"{name} is an option of twonn, but estimator is {estimator!r}")


def _refuse_pairs(exclude: ArrayLike | None, estimator: str, possible: Sequence[str]) -> None:
    """Raises ValueError where pairs are left out of an estimator that looks at all of them."""
    if exclude is not None and estimator not in possible:
        raise ValueError(
            f"exclude is for estimators that read our neighbours alone ({', '.join(possible)}); "
            f"estimator is {estimator!r}"
        )


def _near(
    X: PointCloud,
    n_neighbors: int,
    graph: NeighbourGraph | None,
    backend: Backend,
    exclude: ArrayLike | None,
) -> NeighbourGraph:
    """The given graph where it has enough neighbours, else one made for the purpose."""
    if graph is None:
        return neighbour_graph(X, n_neighbors, backend, exclude=exclude)
    if len(graph) != len(X):
        raise ValueError(f"X has {len(X)} tokens, but its graph has {len(graph)}")
    graph.nearest(n_neighbors)  # raises where it has fewer
    return graph if exclude is None else excluding(graph, exclude, n_neighbors, X)
