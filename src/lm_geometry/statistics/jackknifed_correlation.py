"""Correlation of two numbers per token, with intervals by the delete-a-group jackknife."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Float, Float64, Int64
from lm_geometry.statistics.correlation import KENDALL_TOKENS, METHODS
from lm_geometry.statistics.jackknife import jackknifed
from lm_geometry.statistics.means import Mean

Values = Float64[np.ndarray, "n"]


@dataclass(frozen=True)
class JackknifedCorrelation:
    """A correlation of some pairs in some documents; `scaled` is its arctanh, with an error."""

    value: float
    scaled: Mean
    pairs: int
    clusters: int

    def interval(self, confidence: float) -> tuple[float, float]:
        """Student's t interval on Fisher's scale; NaN where a deletion has no correlation."""
        lower, upper = np.tanh(self.scaled.interval(confidence))
        return float(lower), float(upper)


def jackknifed_correlations(
    x: Values,
    without: Float[np.ndarray, "n groups"],
    y: Values,
    documents: Int64[np.ndarray, "n"],
    clouds: Float64[np.ndarray, "n clouds"] | None = None,
) -> dict[str, JackknifedCorrelation]:
    """Pearson's, Spearman's and Kendall's (tau-b) correlation of `x` and `y`, by method.

    `without` is `x` as it is without each group of documents, NaN in that group; the correlation
    without the group is that of these with the `y` that are left. Its spread is taken on Fisher's
    scale (see `jackknifed`), to which `clouds`, `x` by point cloud, adds that of their own
    correlations. Of more than `KENDALL_TOKENS` pairs, Kendall's spread is that of as many of them,
    evenly chosen (the interval is then slightly too wide).
    """
    kept = np.isfinite(x) & np.isfinite(y)
    pairs, count = int(kept.sum()), len(np.unique(documents[kept]))
    single = np.empty((len(x), 0)) if clouds is None else clouds
    found = {}
    for method in METHODS:
        value = correlation(x, y, method)
        chosen = slice(None)
        if method == "kendall" and len(x) > KENDALL_TOKENS:
            chosen = np.linspace(0, len(x) - 1, KENDALL_TOKENS).round().astype(np.int64)
        deleted, drawn = (
            np.array([correlation(v[chosen], y[chosen], method) for v in columns.T])
            for columns in (without.astype(np.float64), single)
        )
        with np.errstate(divide="ignore"):
            scaled = jackknifed(
                float(np.arctanh(value)), np.arctanh(deleted), pairs, count, np.arctanh(drawn)
            )
        found[method] = JackknifedCorrelation(value, scaled, pairs, count)
    return found


def correlation(x: Values, y: Values, method: str) -> float:
    """The correlation of `x` and `y` by one of `METHODS`; pairs with NaN are left out."""
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    if method == "kendall":
        return float(stats.kendalltau(x, y, method="asymptotic")[0])  # pyright: ignore[reportArgumentType]
    if method == "spearman":
        x, y = stats.rankdata(x), stats.rankdata(y)
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))
