"""How far the weights have come from where training began."""

import numpy as np

from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.named_arrays import each_change
from lm_geometry.signals.training_step import Arrays


def weight_distance(weights: Arrays, base_weights: Arrays) -> float:
    """√Σ(θ − θ₀)² over all arrays, which are the same by name and shape.

    Source: the distance from initialisation, as in Nagarajan, Kolter 2019, arXiv:1901.01672.
    Class: no labels at all.
    Cost: O(parameters), and their copy from the start.
    Range: 0 and more.
    Raises ValueError for other names and shapes, for no weights, and for NaN or infinite ones.
    """
    changes = each_change(weights, base_weights, "weights")
    return float(np.sqrt(sum((change**2).sum() for _, change in changes)))


WEIGHT_DISTANCE = Signal(
    name="weight_distance",
    function=weight_distance,
    labels="none",
    source="arXiv:1901.01672",
    cost="O(parameters)",
    needs=("weights", "base_weights"),
    range=(0.0, np.inf),
)
