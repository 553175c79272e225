"""The likelihood of ratios of distances at two ranks, its maximum and its curvature.

μ = r_n₂ / r_n₁ has the density d (μ^d − 1)^(n₂−n₁−1) / (B(n₂−n₁, n₁) μ^((n₂−1)d+1)), equation 10 of
Denti et al. 2022. Every function takes sorted ratios, and every constant is DADApy's.
"""

import numpy as np

from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.shapes import Float64

TIED = 10 * np.finfo(np.float64).eps  # added to a ratio of exactly 1
SCORE_FLOOR = 2e-7  # least value of 1 − μ^−d in the score
ERROR_FLOOR = 5 * np.finfo(np.float64).eps  # and in the curvature


def without_outliers(
    ratios: Float64[np.ndarray, "ratios"],
) -> tuple[Float64[np.ndarray, "kept"], Float64[np.ndarray, "ratios"]]:
    """The ratios below 20 (q₉₅ − q₅₀) + q₅₀ and all of them, both sorted, ties of ranks nudged."""
    every = np.sort(ratios)
    if not len(every):
        return every, every
    every[every == 1] += TIED
    middle, high = _quantile(every, 0.50), _quantile(every, 0.95)
    return every[: np.searchsorted(every, 20 * (high - middle) + middle)], every


def _quantile(ordered: Float64[np.ndarray, "ratios"], share: float) -> float:
    """The linear quantile of sorted values (numpy's, without its overhead)."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


@compiled
def _score(logarithms, d, n1, n2):
    """−dL/dd and its derivative with respect to d, of the `logarithms` `[ratios]`."""
    total, slope = 0.0, 0.0
    for x in logarithms:
        share = -np.expm1(-d * x)
        if share < SCORE_FLOOR:
            total += ((1 - n2 + n1) / SCORE_FLOOR + n2 - 1) * x
        else:
            total += ((1 - n2 + n1) / share + n2 - 1) * x
            slope += (n2 - n1 - 1) * x * x * (1 - share) / (share * share)
    return total - (logarithms.size - 1) / d, slope + (logarithms.size - 1) / (d * d)


@compiled
def _root(logarithms, start, n1, n2):
    """The zero of the score, by Newton's method inside a bracket that only shrinks."""
    low, high, d = 0.0, np.inf, start
    for _ in range(200):
        value, slope = _score(logarithms, d, n1, n2)
        if value == 0:
            return d
        if value > 0:
            high = d
        else:
            low = d
        step = d - value / slope
        if not low < step < high:
            step = 2 * d if high == np.inf else (low + high) / 2
        if abs(step - d) <= 1e-13 * d:
            return step
        d = step
    return d


def dimension_of(ratios: Float64[np.ndarray, "ratios"], n1: int, n2: int) -> float:
    """The maximum likelihood dimension; N − 1 in place of N makes it unbiased at n₁ = 1."""
    logarithms = np.log(ratios)
    if n1 == 1 and n2 == 2:
        return float((len(ratios) - 1) / logarithms.sum())
    # E[ln μ] = (1/n₁ + … + 1/(n₂−1)) / d
    start = len(ratios) * sum(1 / n for n in range(n1, n2)) / logarithms.sum()
    return float(_root(logarithms, start, n1, n2))


def error_of(ratios: Float64[np.ndarray, "ratios"], d: float, n1: int, n2: int) -> float:
    """The standard error of the dimension, from the curvature of the likelihood."""
    logarithms = np.log(ratios)
    powers = np.exp(-d * logarithms)
    share = np.maximum(-np.expm1(-d * logarithms), ERROR_FLOOR)
    curvature = (n2 - n1 - 1) * np.sum(logarithms**2 * powers / share**2)
    return float((len(ratios) / d**2 + curvature) ** -0.5)
