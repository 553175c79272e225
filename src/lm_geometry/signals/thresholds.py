"""Thresholds that at most a share of runs without an event exceeds, chosen on other runs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from lm_geometry.point_cloud.shapes import Bool, Float64

SHARE = 0.05  # of runs without an event, that may alarm


class Rate(NamedTuple):
    """A share of runs with its exact binomial interval (Clopper, Pearson 1934)."""

    value: float
    lower: float
    upper: float
    runs: int


def rate(count: int, runs: int, confidence: float = 0.95) -> Rate:
    """The share `count` / `runs`; NaN of no runs. Raises ValueError for a count out of range."""
    if not 0 <= count <= runs:
        raise ValueError(f"count is {count} of {runs} runs; it must be 0 … {runs}")
    if not runs:
        return Rate(float("nan"), float("nan"), float("nan"), 0)
    found = binomtest(count, runs).proportion_ci(confidence)
    return Rate(count / runs, float(found.low), float(found.high), runs)


def threshold_of(maxima: npt.ArrayLike, share: float = SHARE) -> float:
    """A threshold that a fresh run without the event exceeds with a probability of `share` at most.

    `maxima` are the largest scores of n runs without the event. It is the ⌈(n + 1)(1 − share)⌉-th
    smallest of them, and infinite, so that nothing alarms, where n is less than 1/share − 1 (19 of
    5 %). The bound holds for exchangeable runs whatever their distribution, on average over the
    draw of the n.

    Source: Vovk, Gammerman, Shafer 2005 (conformal prediction).
    Raises ValueError for a share outside 0 … 1, and for NaN.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; it must lie between 0 and 1")
    ordered = np.sort(np.asarray(maxima, dtype=np.float64))
    if np.isnan(ordered).any():
        raise ValueError("maxima has NaN; a run's largest score is a number, or −∞")
    place = int(np.ceil((len(ordered) + 1) * (1 - share) - 1e-9))
    return float(ordered[place - 1]) if place <= len(ordered) else float("inf")


def left_out_thresholds(
    maxima: Float64[np.ndarray, "runs"],
    has_event: Bool[np.ndarray, "runs"],
    groups: npt.ArrayLike | None = None,
    share: float = SHARE,
) -> Float64[np.ndarray, "runs"]:
    """For each run, the threshold of the runs without the event that are not of its group.

    `groups` `[runs]`: what is left out together, such as runs of one setting or on one draw of the
    data; each run its own by default. Raises ValueError for lengths that differ.
    """
    count = len(maxima)
    labels = np.arange(count) if groups is None else np.asarray(groups)
    if has_event.shape != (count,) or labels.shape != (count,):
        raise ValueError(
            f"maxima has {count} runs, has_event {has_event.shape}, groups {labels.shape}"
        )
    return np.array(
        [threshold_of(maxima[~has_event & (labels != label)], share) for label in labels]
    )
