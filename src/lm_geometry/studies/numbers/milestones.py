"""When a curve of a training run had done what it would do, and when it turned.

Both are told of the whole curve, after the run: they describe it, and are no rule that could have
stopped it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lm_geometry.point_cloud.shapes import Bool, Float64

LEFT = 0.05  # share of a curve's range within which it counts as settled
FEWEST = 3  # last points that must be so: of one or two nothing can be told
Error = Callable[[int, int], float]  # of the difference of the values at two places


@dataclass(frozen=True)
class Milestones:
    """Of one curve: `settled`, the step from which it stays within `LEFT` of its range, and the
    error of the difference, of its last value; `least`, the step of its least value; `rise`, what
    it rose by from there to its end, and `rise_error`, the error of that.

    `settled` is NaN for a curve that does not change, and for one that was still on its way: fewer
    than `FEWEST` of its points are so.
    """

    settled: float
    least: float
    rise: float
    rise_error: float


def milestones(
    steps: Float64[np.ndarray, "steps"], values: Float64[np.ndarray, "steps"], error: Error
) -> Milestones:
    """The milestones of a curve `[steps]` in the order of its steps, all values finite.

    `error(i, j)` is the standard error of the difference of the values at i and j. The range is
    that of all values, so that a curve that falls and comes back settles where it has come back.
    Raises ValueError for a curve of fewer than two steps.
    """
    if len(steps) < 2:
        raise ValueError(f"steps: a curve has two or more, not {len(steps)}")
    last, least, settled = len(steps) - 1, int(np.argmin(values)), np.nan
    if extent := float(np.ptp(values)):
        away = np.abs(values - values[-1])
        errors = np.array([error(place, last) for place in range(len(steps))])
        first = _first_of_the_last_run(away <= LEFT * extent + errors)
        settled = float(steps[first]) if first <= len(steps) - FEWEST else np.nan
    rise, rise_error = float(values[-1] - values[least]), error(least, last)
    return Milestones(settled, float(steps[least]), rise, rise_error if least < last else 0.0)


def _first_of_the_last_run(there: Bool[np.ndarray, "steps"]) -> int:
    """Where the unbroken run of True begins that reaches the end, which is True."""
    away = np.flatnonzero(~there)
    return int(away[-1]) + 1 if len(away) else 0
