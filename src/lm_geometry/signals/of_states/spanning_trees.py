"""Dimensions from shortest spanning trees of the probe tokens: of lengths, and of logarithms."""

from functools import partial

import numpy as np

from lm_geometry.observables.persistent_homology import persistent_homology_dimension
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.signals.declaration import Signal


def tree_dimension(states: PointCloud, power: float) -> float:
    """`persistent_homology_dimension(states, power)`, dealt by seed 0: from minimal spanning trees.

    Source: Schweinhart 2020, doi:10.1016/j.aim.2020.107291; power 1: Birdal et al. 2021, NeurIPS.
    Class: no labels at all.
    Cost: O(tokens · (width + 1) · 2,000).
    Range: all numbers above 0; NaN where edges do not shorten.
    Raises ValueError as `persistent_homology_dimension`.
    """
    return persistent_homology_dimension(states, power)


def _signal(power: int, source: str) -> Signal:
    return Signal(
        name=f"persistent_homology_{power}",
        function=partial(tree_dimension, power=power),
        labels="none",
        source=source,
        cost="O(N w m), m = min(N, 2,000)",
        needs=("states",),
        range=(0.0, np.inf),
    )


OF_LOGARITHMS = _signal(0, "doi:10.1016/j.aim.2020.107291")
OF_LENGTHS = _signal(1, "arXiv:2111.13171")
