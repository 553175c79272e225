"""Neighbours and dimensions in the plainest way, in extended precision, with bounds on rounding.

Every function gives what an estimate must be and how far off rounding alone may move it; the bound
is infinite where a rule's decision itself hangs on the last digit.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

Extended = npt.NDArray[Any]  # np.longdouble: its exponents hold every square of a float64
UNIT = 2e-15  # of a ratio of two distances, each a root of a sum of a few squares


class Wanted(NamedTuple):
    """An estimate and the error that rounding may make of it."""

    value: float
    within: float


def distances(X: Any) -> Extended:
    """Between all tokens, `[tokens, tokens]`."""
    points = np.asarray(X, dtype=np.longdouble)
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=-1))


def two_nearest_ratios(D: Extended) -> npt.NDArray[Any]:
    """r₂ / r₁ of every token of a table of distances, sorted, infinite and NaN last."""
    ordered = np.sort(D + np.diag(np.full(len(D), np.inf)), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sort(ordered[:, 1] / ordered[:, 0])


def unit_of(D: Extended) -> float:
    """What rounding makes of a ratio: more where the shortest distances have fewer digits."""
    return UNIT + 4 * float(np.longdouble(5e-324) / D[D > 0].min(initial=np.inf))


def twonn(D: Extended, unit: float = UNIT) -> Wanted:
    """The slope of −ln(1 − i/n) against ln μ over the nine tenths of smallest finite ratios."""
    ratios = two_nearest_ratios(D)
    finite = ratios[np.isfinite(ratios)]
    n = len(finite)
    kept = int(n * 0.9)
    if kept < 2:
        return Wanted(np.nan, 0.0)
    if finite[kept - 1] == 1:
        return Wanted(np.nan, 0.0)
    if finite[kept - 1] - 1 < 1e3 * unit:  # the ratio of two roots may be 1 in float64, or not
        return Wanted(np.nan, np.inf)
    x, y = np.log(finite[:kept].astype(np.float64)), -np.log1p(-np.arange(1, kept + 1) / n)
    slope = (x @ y) / (x @ x)
    return Wanted(slope, slope * unit * (y.sum() / (x @ y) + 2 * x.sum() / (x @ x) + 10))


def mle(radii: Extended, unit: float = UNIT) -> Wanted:
    """(k − 1) / Σ ln(r_k / r_j) of the sorted distances of one token."""
    k = len(radii)
    if radii[-1] == 0:
        return Wanted(np.nan, 0.0)
    if radii[0] == 0:
        return Wanted(0.0, 0.0)
    total = float(np.log(radii[-1] / radii).sum())
    if total == 0:
        return Wanted(np.inf, 0.0)
    if total < 1e3 * k * unit:
        return Wanted(np.nan, np.inf)
    return Wanted((k - 1) / total, (k - 1) / total * unit * (10 + k / total))


def lpca(X: Any, alpha: float = 0.05) -> Wanted:
    """How many variances of the centred tokens are above `alpha` of the largest."""
    points = np.asarray(X, dtype=np.longdouble)
    if (points == points[0]).all():
        return Wanted(np.nan, 0.0)
    centred = points - points.mean(axis=0)
    centred = (centred / np.abs(centred).max()).astype(np.float64)
    shares = np.linalg.svd(centred, compute_uv=False) ** 2
    shares /= shares[0]
    # Of a cloud that is far away the digits of its coordinates are all that is left of it.
    lost = float(np.abs(points).max() / np.abs(points - points.mean(axis=0)).max()) * 1e-15
    unsure = (np.abs(shares - alpha) < 1e-9 + 10 * lost).any() or lost > 1e-3
    return Wanted(float((shares > alpha).sum()), np.inf if unsure else 0.0)


def gride(D: Extended, n1: int, unit: float = UNIT) -> Wanted:
    """The dimension from ratios of distances at ranks n₁ and 2 n₁ (Denti et al. 2022, eq. 10)."""
    ordered = np.sort(D, axis=1)  # itself first
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.sort((ordered[:, 2 * n1] / ordered[:, n1]).astype(np.float64))
    ratios = ratios[np.isfinite(ratios)]
    if not len(ratios):
        return Wanted(np.nan, 0.0)
    ratios[ratios == 1] += 10 * np.finfo(float).eps
    limit = 20 * (np.quantile(ratios, 0.95) - np.quantile(ratios, 0.5)) + np.quantile(ratios, 0.5)
    kept = ratios[ratios < limit]
    near = 1e-9 + 1e3 * unit
    close = (np.abs(ratios / limit - 1) < near).any() or (ratios - 1 < near).any()
    if len(kept) < 3 or kept[-1] <= 1 + 1e-14:
        return Wanted(np.nan, np.inf if close else 0.0)
    if close:
        return Wanted(np.nan, np.inf)
    x = np.log(kept)

    def score(logarithm: float) -> float:
        d = np.exp(logarithm)
        return float((((1 - n1) / -np.expm1(-d * x) + 2 * n1 - 1) @ x) * d - (len(x) - 1))

    if n1 == 1:
        d = float((len(x) - 1) / x.sum())
        return Wanted(d, d * (1e-9 + unit * (10 + len(x) / x.sum())))
    low, high = -20.0, 20.0
    if score(low) * score(high) > 0:
        return Wanted(np.nan, np.inf)
    root: Any = brentq(score, low, high, xtol=1e-13, rtol=1e-13)
    d = float(np.exp(root))
    floored = d * x[0] < 1e-6  # where DADApy's constant takes the place of 1 − μ^−d
    return Wanted(d, np.inf if floored else (1e-6 + 1e3 * unit) * d)
