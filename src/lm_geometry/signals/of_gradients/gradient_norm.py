"""The norm of the training gradient, and how it accelerates."""

import numpy as np
import numpy.typing as npt

from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.named_arrays import each_array
from lm_geometry.signals.training_step import Arrays


def norm_of_gradient(gradients: Arrays) -> float:
    """√Σg² over the gradient of the batch, before it is clipped.

    Source: every training log.
    Class: training labels.
    Cost: O(parameters); none where gradients are clipped by it.
    Range: 0 and more.
    Raises ValueError for no gradients, and for NaN or infinite ones.
    """
    return float(np.sqrt(sum((array**2).sum() for _, array in each_array(gradients, "gradients"))))


def acceleration(gradient_norm: npt.ArrayLike) -> float:
    """|g_t| − 2 |g_(t−1)| + |g_(t−2)|: the second difference of the norm over measured steps.

    NaN before the third. Measure at regular steps: it is of their distance.

    Source: clawrxiv 2604.00721 (gradient acceleration index): a claim of an unreviewed text that a
    program wrote; a hypothesis.
    Class: training labels.
    Cost: none.
    Range: all numbers.
    Raises ValueError for what is no series `[steps]`.
    """
    norms = np.asarray(gradient_norm, dtype=np.float64)
    if norms.ndim != 1:
        raise ValueError(f"gradient_norm has shape {norms.shape}; it is a series [steps]")
    return float(norms[-1] - 2 * norms[-2] + norms[-3]) if len(norms) > 2 else float("nan")


GRADIENT_NORM = Signal(
    name="gradient_norm",
    function=norm_of_gradient,
    labels="training",
    source="every training log",
    cost="O(parameters)",
    needs=("gradients",),
    range=(0.0, np.inf),
)
ACCELERATION = Signal(
    name="gradient_acceleration",
    function=acceleration,
    labels="training",
    source="clawrxiv 2604.00721",
    cost="none",
    past=("gradient_norm",),
)
