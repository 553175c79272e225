"""When a curve of a training run had done what it would do, and when it turned.

Both are told of the whole curve, after the run: they describe it, and are no rule that could have
stopped it.
"""

from dataclasses import dataclass

import numpy as np

from lm_geometry.point_cloud.shapes import Float64

GAIN = 0.95  # share of the whole change after which a curve counts as settled


@dataclass(frozen=True)
class Milestones:
    """Of one curve: `settled`, the step from which it stays within its standard error of `GAIN` of
    its whole change; `least`, the step of its least value; `rise`, what it rose by from there to
    its end, and `rise_error`, the standard error of that; `settled` is NaN for a curve that does
    not change.
    """

    settled: float
    least: float
    rise: float
    rise_error: float


def milestones(
    steps: Float64[np.ndarray, "steps"],
    values: Float64[np.ndarray, "steps"],
    errors: Float64[np.ndarray, "steps"],
    gain: float = GAIN,
) -> Milestones:
    """The milestones of a curve `[steps]` in the order of its steps, all values finite.

    The whole change is that from the first step to the last. Errors that are not known (NaN) count
    as none. Raises ValueError for a curve of fewer than two steps.
    """
    if len(steps) < 2:
        raise ValueError(f"steps: a curve has two or more, not {len(steps)}")
    known = np.nan_to_num(errors, nan=0.0)
    whole = values[-1] - values[0]
    least = int(np.argmin(values))
    rise_error = float(np.hypot(known[-1], known[least])) if least < len(values) - 1 else 0.0
    settled = np.nan
    if whole != 0:
        missing = np.abs(values - values[-1])
        there = missing <= (1 - gain) * abs(whole) + known
        settled = float(steps[_first_of_the_last_run(there)])
    return Milestones(settled, float(steps[least]), float(values[-1] - values[least]), rise_error)


def _first_of_the_last_run(there: np.ndarray) -> int:
    """Where the unbroken run of True begins that reaches the end, which is True."""
    away = np.flatnonzero(~there)
    return int(away[-1]) + 1 if len(away) else 0
