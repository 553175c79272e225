"""Correlation of two numbers per prompt, others held fixed, in a sample and its resamples."""

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Float64

Column = Float64[np.ndarray, "rows"]
Columns = Float64[np.ndarray, "rows columns"]
LOG = "pearson_log"
METHODS = ("pearson", LOG, "spearman")


def resampled_correlations(
    x: Column,
    y: Column,
    given: Float64[np.ndarray, "rows variables"],
    weights: Columns,
    method: str = "pearson",
) -> Float64[np.ndarray, "columns"]:
    """The correlation of x and y under each column of weights.

    `given` are held fixed: a partial correlation, of the residuals of linear
    regressions on them (Spearman's is that of the ranks). Whole weights give exactly what repeating
    the rows gives; ranks are mid-ranks. "pearson_log" takes the logarithm of x. NaN where either
    side does not vary. Raises ValueError for an unknown method, and for the logarithm of a value
    that is not positive.
    """
    if method not in METHODS:
        raise ValueError(f"method: {method!r} is unknown; there are {', '.join(METHODS)}")
    if method == LOG:
        if not (x > 0).all():
            raise ValueError(f"method: {LOG} needs positive values; the smallest is {x.min():g}")
        x = np.log(x)
    variables = [x, y, *given.T]
    if method == "spearman":
        columns = [_ranks(variable, weights) for variable in variables]
    else:
        columns = [np.broadcast_to(v[:, None], weights.shape) for v in variables]
    return _partial(_all_pairs(columns, weights))


def _ranks(values: Column, weights: Columns) -> Columns:
    """Mid-ranks of the rows as often as they are weighted."""
    _, level = np.unique(values, return_inverse=True)
    order = np.argsort(level, kind="stable")
    begins = np.flatnonzero(np.diff(level[order], prepend=-1))
    counts = np.add.reduceat(weights[order], begins, axis=0)
    return (np.cumsum(counts, axis=0) - counts / 2)[level]


def _all_pairs(
    columns: list[Columns], weights: Columns
) -> Float64[np.ndarray, "columns variables variables"]:
    """Correlations of all variables with each other."""
    total = weights.sum(axis=0)
    total = np.where(total > 0, total, np.nan)
    centred = [c - (weights * c).sum(axis=0) / total for c in columns]
    n = len(centred)
    covariances = np.empty((weights.shape[1], n, n))
    for a in range(n):
        for b in range(a, n):
            covariances[:, a, b] = (weights * centred[a] * centred[b]).sum(axis=0)
            covariances[:, b, a] = covariances[:, a, b]
    deviations = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    # What is left of a constant by rounding is no variation.
    sizes = np.stack([np.abs(c).max(axis=0) for c in columns], axis=1)
    deviations = np.where(deviations > 1e-12 * sizes * np.sqrt(total)[:, None], deviations, np.nan)
    return covariances / (deviations[:, :, None] * deviations[:, None, :])


def _partial(
    pairs: Float64[np.ndarray, "columns variables variables"],
) -> Float64[np.ndarray, "columns"]:
    """Correlation of the first two variables given the others."""
    first, second = pairs[:, 0, 2:], pairs[:, 1, 2:]
    # A variable that does not vary in a resample explains nothing there.
    inverse = np.linalg.pinv(np.nan_to_num(pairs[:, 2:, 2:]), hermitian=True)
    first, second = np.nan_to_num(first), np.nan_to_num(second)
    explained = [
        np.einsum("ba,bac,bc->b", left, inverse, right)
        for left, right in ((first, second), (first, first), (second, second))
    ]
    left = np.maximum((1 - explained[1]) * (1 - explained[2]), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (pairs[:, 0, 1] - explained[0]) / np.sqrt(left)
    return np.clip(np.where(left > 1e-12, found, np.nan), -1, 1)


def p_value(correlation: float, rows: int, given: int) -> float:
    """Two-sided p value of no correlation, by Student's t on rows − 2 − given degrees."""
    degrees = rows - 2 - given
    if degrees < 1 or not np.isfinite(correlation):
        return float("nan")
    rest = max(1 - correlation**2, np.finfo(np.float64).tiny)
    return float(2 * stats.t.sf(abs(correlation) * np.sqrt(degrees / rest), degrees))


def fisher_interval(
    correlation: float, rows: int, given: int = 0, confidence: float = 0.95
) -> tuple[float, float]:
    """Fisher's interval of a correlation of independent normal pairs; NaN with too few rows."""
    if rows - 3 - given < 1 or not abs(correlation) < 1:
        return float("nan"), float("nan")
    half = stats.norm.ppf(0.5 + confidence / 2) / np.sqrt(rows - 3 - given)
    centre = np.arctanh(correlation)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))
