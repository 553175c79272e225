"""GradES: how much the gradient of the least settled matrix changes from one step to the next."""

import numpy as np

from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.named_arrays import each_change
from lm_geometry.signals.training_step import Arrays


def largest_gradient_change(gradients: Arrays, previous_gradients: Arrays) -> float:
    """The largest over matrices of Σ|g_t − g_(t−1)|, element by element.

    Arrays of two axes or more count. GradES freezes each matrix where this falls below τ; all are
    frozen, and training ends, where the largest does. What freezing one does to the others is not
    in it, and the threshold is that of an alarm rule, not the published τ, one for each model.

    Source: Wen et al. 2025, arXiv:2509.01842v3 (its code compares weights, not gradients).
    Class: training labels.
    Cost: O(parameters), and a copy of the last gradient.
    Range: 0 and more.
    Raises ValueError for other names or shapes, for no matrix, and for NaN or infinite values.
    """
    changes = each_change(gradients, previous_gradients, "gradients")
    sums = [float(np.abs(change).sum()) for _, change in changes if change.ndim > 1]
    if not sums:
        raise ValueError("gradients has no matrix, an array of two axes")
    return max(sums)


GRADES = Signal(
    name="grades",
    function=largest_gradient_change,
    labels="training",
    source="arXiv:2509.01842",
    cost="O(parameters)",
    needs=("gradients", "previous_gradients"),
    range=(0.0, np.inf),
)
