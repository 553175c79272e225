"""Correlation across a few cells whose means were resampled together."""

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.statistics.correlation import METHODS, MOST_UNDEFINED


def across_cells(
    means: Float64[np.ndarray, "cells 2 columns"], confidence: float
) -> dict[str, tuple[float, float, float]]:
    """Correlation across cells and its interval, by method.

    `means` are both means of each cell, in the sample itself and in every resample of its
    sequences, 1 + draws columns. The interval are percentiles of the resamples' correlations (Efron
    1979): with so few pairs some of these are ±1. It covers the choice of sequences; the corpora
    and checkpoints are taken as given.
    """
    found = {}
    for method in METHODS:
        values = _correlations(means[:, 0], means[:, 1], method)
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        defined = values[1:][np.isfinite(values[1:])]
        enough = len(defined) >= (1 - MOST_UNDEFINED) * (len(values) - 1) > 0
        lower, upper = np.quantile(defined, tails) if enough else (np.nan, np.nan)
        found[method] = (float(values[0]), float(lower), float(upper))
    return found


def _correlations(
    x: Float64[np.ndarray, "cells columns"], y: Float64[np.ndarray, "cells columns"], method: str
) -> Float64[np.ndarray, "columns"]:
    """The correlation of `x` and `y` within each column."""
    if method == "kendall":
        x, y = (np.sign(v[:, None] - v[None]).reshape(-1, v.shape[1]) for v in (x, y))
    elif method == "spearman":
        x, y = stats.rankdata(x, axis=0), stats.rankdata(y, axis=0)
    if method != "kendall":  # signs of all ordered pairs have mean 0 already
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (x * y).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    return np.clip(r, -1, 1)
