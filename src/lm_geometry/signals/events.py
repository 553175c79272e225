"""When the event of a run came, known only afterwards: generalised, overfitted, exhausted."""

import numpy as np
import numpy.typing as npt

from lm_geometry.signals.leads import reached

GENERALISED = 0.5  # validation accuracy
BEYOND = 2.0  # standard errors
LASTING = 3  # measured steps
LEFT = 0.05  # of the whole gain


def generalised(
    steps: npt.ArrayLike, accuracy: npt.ArrayLike, milestone: float = GENERALISED
) -> float:
    """The first step whose validation accuracy is at least the milestone, or NaN."""
    return reached(steps, accuracy, milestone)


def overfitted(
    steps: npt.ArrayLike,
    losses: npt.ArrayLike,
    documents: npt.ArrayLike | None = None,
    beyond: float = BEYOND,
    lasting: int = LASTING,
) -> float:
    """The step from which the validation loss stays above its least by more than sampling explains.

    `losses` `[steps, units]`: the mean loss of each held-out unit, such as a sequence, the same at
    every step. The least is that of the mean over units. The paired difference to it, at each later
    step, exceeds `beyond` standard errors of its mean over units, or over `documents` `[units]`,
    at this step and at all later measured ones, of which there are at least `lasting`, this one
    among them. NaN where that never is. The least of a run that still falls at its end is its last
    value: no event.

    Raises ValueError for shapes that do not match, fewer than 2 units or documents, and NaN.
    """
    places, values = np.asarray(steps, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if values.ndim != 2 or places.shape != values.shape[:1]:
        raise ValueError(f"losses has shape {values.shape}, but steps {places.shape}")
    if not np.isfinite(values).all():
        raise ValueError("losses has NaN or infinite values")
    labels = np.arange(values.shape[1]) if documents is None else np.asarray(documents)
    if labels.shape != values.shape[1:]:
        raise ValueError(f"documents has shape {labels.shape}, but losses {values.shape}")
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise ValueError(f"losses are of {len(counts)} units; a sampling error needs at least 2")
    least = int(values.mean(axis=1).argmin())
    rises = values[least + 1 :] - values[least]
    if not len(rises):
        return float("nan")
    means = rises.mean(axis=1)
    residuals = np.array([np.bincount(inverse, rise - rise.mean()) for rise in rises])
    groups = len(counts)
    errors = np.sqrt(groups / (groups - 1) * (residuals**2).sum(axis=1)) / values.shape[1]
    above = means > beyond * errors
    lasts = np.logical_and.accumulate(above[::-1])[::-1]
    lasts[len(lasts) - lasting + 1 :] = False
    return float(places[least + 1 :][lasts.argmax()]) if lasts.any() else float("nan")


def exhausted(steps: npt.ArrayLike, score: npt.ArrayLike, left: float = LEFT) -> float:
    """The first step after which the rest of the budget gains less than `left` of the whole gain.

    Larger scores are better. The gain is the best of the whole run minus the first value; what is
    left at a step is the best of the whole run minus the best up to it. NaN where none is gained.

    Raises ValueError for shapes that do not match, a share outside 0 … 1, and NaN.
    """
    places, values = np.asarray(steps, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if places.ndim != 1 or places.shape != values.shape or not len(places):
        raise ValueError(f"score has shape {values.shape}, but steps {places.shape}")
    if not 0 < left < 1:
        raise ValueError(f"left is {left}; it must lie between 0 and 1")
    if not np.isfinite(values).all():
        raise ValueError("score has NaN or infinite values")
    best = np.maximum.accumulate(values)
    gain = best[-1] - values[0]
    if gain <= 0:
        return float("nan")
    return float(places[(best[-1] - best < left * gain).argmax()])
