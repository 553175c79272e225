"""Mean local dimensions of the probe tokens, by two estimators."""

import numpy as np

from lm_geometry.dimension import local_dimension
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.signals.declaration import Signal


def mean_local_dimension(
    states: PointCloud, neighbours: NeighbourGraph, n_neighbors: int = 128
) -> float:
    """The mean of TwoNN among the `n_neighbors` of each of the states `[tokens, width]`, rule i/n.

    Source: Ruppik et al. 2025, arXiv:2506.01034; `local_dimension` has the estimator's.
    Class: no labels at all.
    Cost: after the graph, O(tokens · n_neighbors²).
    Range: 0 and more.
    Raises ValueError as `local_dimension`, as for a graph of fewer neighbours.
    """
    return float(np.mean(local_dimension(states, n_neighbors, graph=neighbours)))


def mean_likelihood_dimension(
    states: PointCloud, neighbours: NeighbourGraph, n_neighbors: int = 20
) -> float:
    """The mean of Levina and Bickel's (k − 1) / Σⱼ ln(r_k / r_j) over the states' tokens.

    Source: Levina, Bickel 2004, NeurIPS 17, eq. 8; k = 20 as in Ma et al. 2018, ICML,
    arXiv:1806.02612 (whose own variant is `batch_dimension`).
    Class: no labels at all.
    Cost: after the graph, O(tokens · n_neighbors).
    Range: 0 and more.
    Raises ValueError as `local_dimension`.
    """
    local = local_dimension(states, n_neighbors, "mle", graph=neighbours)
    return float(np.mean(local))


TWONN = Signal(
    name="local_dimension",
    function=mean_local_dimension,
    labels="none",
    source="arXiv:2506.01034",
    cost="graph, then O(N L²)",
    needs=("states", "neighbours"),
    range=(0.0, np.inf),
)
LIKELIHOOD = Signal(
    name="local_dimension_mle",
    function=mean_likelihood_dimension,
    labels="none",
    source="Levina, Bickel 2004",
    cost="graph, then O(N k)",
    needs=("states", "neighbours"),
    range=(0.0, np.inf),
)
