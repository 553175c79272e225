"""From the values of a signal to a score at each step, of which an alarm is a large one.

A score at a step is of the values up to it: no later one can change it. It has no unit, so that one
threshold serves runs, and a signal times a positive number plus another has the same.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal

Side = Literal["both", "rise", "fall"]
ALLOWANCE, LARGEST, SETTLED = 0.5, 4.0, 5
NORMAL = 0.6744897501960817  # median of |z| for a normal z


def cusum(
    values: npt.ArrayLike,
    side: Side = "both",
    allowance: float = ALLOWANCE,
    largest: float = LARGEST,
    settled: int = SETTLED,
) -> Float64[np.ndarray, "steps"]:
    """The cumulative sum of a signal's standardised changes, at every measured step, `[steps]`.

    With changes d_t = x_t − x_(t−1), and σ_t the median of the |d| before t over .6745, z_t =
    d_t / σ_t, cut to ±`largest`, and 0 for the first `settled` changes. Then S⁺_t = max(0,
    S⁺_(t−1) + z_t − `allowance`), S⁻_t likewise of −z_t; the score is S⁺ ("rise"), S⁻ ("fall") or
    the larger ("both"). Where σ is 0, a change counts `largest`, none counts 0. A value that is not
    finite is passed over: the score stays, and the next change is from the last finite value.

    Source: Page 1954, Biometrika 41:100, with the reference value ½ that Montgomery's textbook
    advises; a scale from the past, since a training run has no state in control.
    Raises ValueError for what is no series, an unknown side, and constants out of range.
    """
    series = _series(values)
    if side not in ("both", "rise", "fall"):
        raise ValueError(f"side is {side!r}; it is both, rise or fall")
    if not (allowance >= 0 and largest > allowance and settled >= 1):
        raise ValueError(
            f"allowance is {allowance}, largest {largest}, settled {settled}; "
            "0 or more, more than that, and 1 or more"
        )
    scores = np.zeros(len(series))
    finite = np.flatnonzero(np.isfinite(series))
    changes = np.diff(series[finite])
    rise = fall = 0.0
    for i, change in enumerate(changes):
        z = 0.0
        if i >= settled and change != 0:
            scale = float(np.median(np.abs(changes[:i]))) / NORMAL
            with np.errstate(over="ignore", divide="ignore"):  # cut, however large
                z = float(np.clip(change / scale, -largest, largest))
        rise, fall = max(0.0, rise + z - allowance), max(0.0, fall - z - allowance)
        scores[finite[i + 1] :] = {"rise": rise, "fall": fall, "both": max(rise, fall)}[side]
    return scores


def level(values: npt.ArrayLike) -> Float64[np.ndarray, "steps"]:
    """The value itself where a signal is a criterion; −∞ where there is none yet."""
    series = _series(values)
    return np.where(np.isnan(series), -np.inf, series)


def scores_of(signal: Signal, values: npt.ArrayLike) -> Float64[np.ndarray, "steps"]:
    """The scores of a signal's values `[steps]`, by the rule that it declares; "both" sides."""
    return level(values) if signal.rule == "level" else cusum(values)


def first_alarm(steps: npt.ArrayLike, scores: npt.ArrayLike, threshold: float) -> float:
    """The first of the steps whose score exceeds the threshold, or NaN."""
    places, found = np.asarray(steps, dtype=np.float64), _series(scores)
    if places.shape != found.shape:
        raise ValueError(f"steps has shape {places.shape}, but scores {found.shape}")
    above = found > threshold
    return float(places[above.argmax()]) if above.any() else float("nan")


def _series(values: npt.ArrayLike) -> Float64[np.ndarray, "steps"]:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"values has shape {series.shape}; a series is [steps]")
    return series
