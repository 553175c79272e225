"""How far the probe tokens have moved from where they were before training."""

import numpy as np

from lm_geometry.observables.moved import distance_moved
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.signals.declaration import Signal


def states_moved(states: PointCloud, base_states: PointCloud) -> float:
    """`distance_moved(states, base_states, relative=True)`: mean |x − b| over the median |b|.

    Source: the distance from initialisation of a representation; ours in this form.
    Class: no labels at all.
    Cost: O(tokens · width).
    Range: 0 and more.
    Raises ValueError as `distance_moved`.
    """
    return distance_moved(states, base_states, relative=True)


MOVED = Signal(
    name="distance_moved",
    function=states_moved,
    labels="none",
    source="ours",
    cost="O(N w)",
    needs=("states", "base_states"),
    range=(0.0, np.inf),
)
