"""Global estimates of a cloud: a number per cloud, estimator and scale."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lm_geometry.dimension import bayesian_twonn, binomial, global_dimension, mle, with_dadapy
from lm_geometry.dimension.gride import Gride
from lm_geometry.dimension.gride import from_graph as gride_scales
from lm_geometry.dimension.registry import OF_NEIGHBOURS
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.sizes import FEWEST, twonn_rule
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.outs.token_sample.clouds import Points
from lm_geometry.workspace.tables import Row

NEEDED = {"correlation": 20, "ca_pca": 32}  # neighbours that they take unless told otherwise


def rows_of_neighbours(
    X: Points, graph: NeighbourGraph, sizes: dict[float, int], settings: Estimate
) -> Iterator[Row]:
    """A row for each global estimator that reads the graph alone, and for each GRIDE scale."""
    for name in settings.global_estimators:
        if name in ("mle", "binomial"):
            usable = {k: v for k, v in sizes.items() if FEWEST <= v <= graph.n_neighbors}
            for asked, size in usable.items():
                value, error = _at_size(name, graph, size)
                yield row_of(name, value, len(X), n_neighbors=asked, error=error)
        elif name == "bayesian_twonn":
            known = bayesian_twonn.from_graph(graph)
            yield row_of(name, known.mean, len(X), error=known.deviation)
        elif name == "dadapy.gride":
            yield from _rows_of_scales(name, with_dadapy.gride(graph, settings.gride_range), X)
        elif name in OF_NEIGHBOURS:
            yield _whole(name, X, graph, settings)
    if settings.gride_range:
        yield from _rows_of_scales("gride", gride_scales(graph, settings.gride_range), X)


def other_rows(X: Points, graph: NeighbourGraph, settings: Estimate) -> Iterator[Row]:
    """A row for each other global estimator; they look at the cloud itself, as published.

    The value is missing where the cloud has too few points for it.
    """
    for name in settings.global_estimators:
        if len(X) <= NEEDED.get(name, 0):
            yield row_of(name, np.nan, len(X))
        elif name not in OF_NEIGHBOURS:
            yield _whole(name, X, graph, settings)


def _at_size(name: str, graph: NeighbourGraph, size: int) -> tuple[float, float]:
    """An estimate from `size` neighbours, with its standard error where it has one."""
    if name == "binomial":
        return binomial.from_graph(graph, size)
    return mle.global_from_graph(graph, size), np.nan


def _whole(name: str, X: Points, graph: NeighbourGraph, settings: Estimate) -> Row:
    options = _options(name, settings)
    return row_of(name, global_dimension(X, name, graph=graph, **options), len(X))


def _options(name: str, settings: Estimate) -> Mapping[str, Any]:
    """The options of a global estimator that the section has."""
    if name == "twonn":
        return twonn_rule(settings)
    if name == "lpca":
        return {"rule": settings.lpca.rule, **settings.lpca.constants}
    if name == "dadapy.twonn":
        if settings.fit == "mle" or settings.discard == 0:
            return {"algorithm": "ml"}
        return {"algorithm": "base", "mu_fraction": 1 - settings.discard}
    return {}


def _rows_of_scales(name: str, found: Gride | with_dadapy.Scales, X: Points) -> Iterator[Row]:
    for scale, value, error in zip(found.scale, found.dimension, found.error, strict=True):
        yield row_of(name, float(value), len(X), scale=float(scale), error=float(error))


def row_of(
    name: str,
    value: float,
    points: int,
    n_neighbors: float = np.nan,
    scale: float = np.nan,
    error: float = np.nan,
) -> Row:
    """A row of the table of global estimates, but for the keys of its cloud."""
    keys = {"estimator": name, "n_neighbors": n_neighbors, "scale": scale}
    return keys | {"value": value, "standard_error": error, "points": points}
