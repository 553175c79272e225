"""The norm of all weights: the oldest signal of grokking."""

import numpy as np

from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.named_arrays import each_array
from lm_geometry.signals.training_step import Arrays


def norm_of_weights(weights: Arrays) -> float:
    """√Σθ² over all arrays; that of a torch module, adapters as merged, is `weight_norm(model)`.

    Source: Liu, Michaud, Tegmark 2023, ICLR, arXiv:2210.01117 (Omnigrok).
    Class: no labels at all.
    Cost: O(parameters).
    Range: 0 and more.
    Raises ValueError for no weights, and for NaN or infinite ones.
    """
    return float(np.sqrt(sum((array**2).sum() for _, array in each_array(weights, "weights"))))


WEIGHT_NORM = Signal(
    name="weight_norm",
    function=norm_of_weights,
    labels="none",
    source="arXiv:2210.01117",
    cost="O(parameters)",
    needs=("weights",),
    range=(0.0, np.inf),
)
