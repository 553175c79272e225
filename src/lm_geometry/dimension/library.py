"""Any other estimator of scikit-dimension, by its name."""

import inspect
from typing import Any

import numpy as np

from lm_geometry.neighbours import neighbour_graph
from lm_geometry.neighbours.cloud import as_cloud
from lm_geometry.neighbours.graph import Backend
from lm_geometry.neighbours.loops import single_threaded_blas


def names() -> list[str]:
    """The estimators of the scikit-dimension that is installed."""
    import skdim.id

    return sorted(name for name, value in vars(skdim.id).items() if inspect.isclass(value))


def dimension(X: Any, estimator: str, backend: Backend = "auto", **options: Any) -> float:
    """The dimension of the cloud X by scikit-dimension's `estimator`, made with its `options`.

    An estimator that takes nearest neighbours from outside gets ours, which are exact. One that
    draws at random does so from `random_state`, 0 unless it is among the options.
    Raises ValueError for a name or an option that scikit-dimension does not have.
    """
    import skdim.id

    if estimator not in names():
        ours = "twonn, mle, gride, lpca"
        raise ValueError(f"estimator is {estimator!r}; it must be {ours} or {', '.join(names())}")
    made = getattr(skdim.id, estimator)
    known = inspect.signature(made).parameters
    for name in options:
        if name not in known:
            raise ValueError(f"{estimator} has no option {name!r}; it has {', '.join(known)}")
    if "random_state" in known:
        options = {"random_state": 0, **options}
    points, fitted = as_cloud(X), made(**options)
    with single_threaded_blas(), np.errstate(all="ignore"):
        return float(fitted.fit(points, **_neighbours(points, fitted, backend)).dimension_)


def _neighbours(points: Any, fitted: Any, backend: Backend) -> dict[str, Any]:
    """The arguments that pass our neighbours on, where `fit` accepts them."""
    if "precomputed_knn_arrays" not in inspect.signature(fitted.fit).parameters:
        return {}
    k = min(fitted._N_NEIGHBORS, len(points) - 1)
    graph = neighbour_graph(points, k, backend)
    return {"n_neighbors": k, "precomputed_knn_arrays": (graph.distances, graph.indices)}
