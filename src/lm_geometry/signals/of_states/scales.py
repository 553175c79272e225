"""GRIDE: the dimension of the whole cloud at a small, a middle and a large scale."""

from functools import partial

import numpy as np

from lm_geometry.dimension import global_dimension
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.signals.declaration import Signal

SCALES = (2, 16, 128)  # rank of the farther neighbour


def gride_at(states: PointCloud, neighbours: NeighbourGraph, scale: int) -> float:
    """The maximum likelihood dimension from r_scale / r_(scale/2) of all the states' tokens.

    Source: Denti et al. 2022, Scientific Reports 12:20005; `gride` has the definition.
    Class: no labels at all.
    Cost: after the graph, O(tokens).
    Range: 0 and more.
    Raises ValueError as `global_dimension`, as for a scale that is no power of 2.
    """
    return global_dimension(states, "gride", graph=neighbours, scale=scale)


def _signal(scale: int) -> Signal:
    return Signal(
        name=f"gride_{scale}",
        function=partial(gride_at, scale=scale),
        labels="none",
        source="doi:10.1038/s41598-022-20991-1",
        cost="graph, then O(N)",
        needs=("states", "neighbours"),
        range=(0.0, np.inf),
    )


SMALL, MIDDLE, LARGE = (_signal(scale) for scale in SCALES)
