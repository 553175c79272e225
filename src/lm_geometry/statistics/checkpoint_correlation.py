"""Rank correlation over checkpoints: does what one number did tell what another does later?

Within one run, whose checkpoints are resampled, and over several runs; and what is left of it once
both are known to be trends.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.statistics.correlation import MOST_UNDEFINED
from lm_geometry.statistics.means import Mean
from lm_geometry.statistics.runs import between_runs

FEWEST_PAIRS = 5  # of a run, below which resampling its pairs says nothing
Values = Float64[np.ndarray, "checkpoints"]
OfARun = Float64[np.ndarray, "_"]  # runs may have different numbers of checkpoints
Found = tuple[float, float, float]  # a correlation and its interval


def within_run(
    x: Values,
    y: Values,
    confidence: float,
    generator: np.random.Generator,
    draws: int,
) -> Found:
    """Spearman's correlation of a run's pairs and its interval: percentiles over resampled pairs.

    Checkpoints that follow each other are not independent, so that the interval is a hint; only
    `over_runs` covers what it says. NaN bounds with fewer than 5 pairs.
    """
    value = spearman(x, y)
    if len(x) < FEWEST_PAIRS or not np.isfinite(value):
        return value, float("nan"), float("nan")
    drawn = generator.integers(len(x), size=(draws, len(x)))
    ranks = [stats.rankdata(v[drawn], axis=1) for v in (x, y)]
    a, b = (r - r.mean(axis=1, keepdims=True) for r in ranks)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    defined = found[np.isfinite(found)]
    if len(defined) < (1 - MOST_UNDEFINED) * draws:
        return value, float("nan"), float("nan")
    lower, upper = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return value, float(lower), float(upper)


def over_runs(runs: Sequence[tuple[OfARun, OfARun]], confidence: float) -> Found:
    """The mean of the runs' own Spearman correlations, and Student's t interval over the runs.

    A run is two arrays, a pair of values per checkpoint; one whose correlation is not defined is
    left out. Bounds are cut at ±1.
    """
    nan = float("nan")
    values = [Mean(spearman(x, y), nan, nan, len(x), 1) for x, y in runs]
    mean = between_runs(values)
    lower, upper = np.clip(mean.interval(confidence), -1, 1)
    return mean.value, float(lower), float(upper)


def spearman(x: Values, y: Values) -> float:
    """Spearman's correlation of `x` and `y`; NaN where it is not defined."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(stats.spearmanr(x, y)[0])  # pyright: ignore[reportArgumentType]


def partial_spearman(x: Values, y: Values, given: Values) -> float:
    """Spearman's correlation of x and y `[steps]` with that of a third, `given`, taken out.

    The first-order partial correlation of the ranks (Kendall and Stuart 1973, vol. 2, eq. 27.5):
    (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)). NaN with fewer than four values, where one
    of them is constant, and where one is a monotone function of `given`, of which nothing is left.
    """
    if len(x) < 4 or any(np.ptp(one) == 0 for one in (x, y, given)):
        return float("nan")
    a, b, z = (stats.rankdata(one) for one in (x, y, given))
    xy, xz, yz = (float(np.corrcoef(p, q)[0, 1]) for p, q in ((a, b), (a, z), (b, z)))
    left = (1 - xz**2) * (1 - yz**2)
    return float(np.clip((xy - xz * yz) / np.sqrt(left), -1, 1)) if left > 1e-12 else float("nan")
