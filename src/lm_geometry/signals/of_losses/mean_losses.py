"""The losses that every training logs, and how fast that of training falls."""

import numpy as np
import numpy.typing as npt

from lm_geometry.signals.declaration import Signal

WINDOW = 10  # measured steps behind a slope
FEWEST = 3


def loss_of_training(training_loss: float) -> float:
    """The mean training loss in nats, as it is; training labels; 0 and more; no cost.

    Source: every training log. Raises ValueError for one that is not finite or below 0.
    """
    return _checked(training_loss, "training_loss")


def loss_of_validation(validation_loss: float) -> float:
    """The mean validation loss in nats, as it is; held-out labels; 0 and more; an evaluation.

    Source: Prechelt 1998 (early stopping). Raises ValueError for one that is not finite or below 0.
    """
    return _checked(validation_loss, "validation_loss")


def training_loss_slope(
    step: npt.ArrayLike,
    training_loss: npt.ArrayLike,
    window: int = WINDOW,
) -> float:
    """The least-squares slope of the last `window` training losses, in nats a step.

    NaN before the third.

    Source: ours, the plainest statement of "the loss still falls".
    Class: training labels.
    Cost: none.
    Range: all numbers.
    Raises ValueError for a window of fewer than 3, and for steps that do not rise.
    """
    if window < FEWEST:
        raise ValueError(f"window is {window}; a slope needs at least {FEWEST} losses")
    steps = np.asarray(step, dtype=np.float64)[-window:]
    losses = np.asarray(training_loss, dtype=np.float64)[-window:]
    if (np.diff(steps) <= 0).any():
        raise ValueError("step does not rise from each measurement to the next")
    if len(steps) < FEWEST:
        return float("nan")
    centred = steps - steps.mean()
    return float(centred @ losses / (centred @ centred))


def _checked(loss: float, name: str) -> float:
    if not 0 <= loss < np.inf:
        raise ValueError(f"{name} is {loss}; a mean loss in nats is 0 or more, and finite")
    return float(loss)


TRAINING_LOSS = Signal(
    name="training_loss",
    function=loss_of_training,
    labels="training",
    source="every training log",
    cost="none",
    needs=("training_loss",),
    range=(0.0, np.inf),
)
TRAINING_LOSS_SLOPE = Signal(
    name="training_loss_slope",
    function=training_loss_slope,
    labels="training",
    source="ours",
    cost="none",
    past=("step", "training_loss"),
)
VALIDATION_LOSS = Signal(
    name="validation_loss",
    function=loss_of_validation,
    labels="held_out",
    source="Prechelt 1998",
    cost="an evaluation",
    needs=("validation_loss",),
    range=(0.0, np.inf),
)
