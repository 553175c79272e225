"""How large a change is beside what tokens and documents differ by, and many tests at once."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from lm_geometry.point_cloud.shapes import Float64, Int64


def standardised_by_documents(
    change: Float64[np.ndarray, "tokens"],
    documents: Int64[np.ndarray, "tokens"],
    mean: float | None = None,
) -> float:
    """Mean paired change in units of the standard deviation of the documents' mean changes.

    Cohen's d of paired values (d_z; Cohen 1988, ch. 2) with documents for units: -1 says that the
    mean fell by as much as documents differ in how they change. NaN for fewer than two documents.
    `mean` is the mean change where it is not the tokens', each counting alike.
    """
    finite = np.isfinite(change)
    _, inverse = np.unique(documents[finite], return_inverse=True)
    counts = np.bincount(inverse)
    if len(counts) < 2:
        return float("nan")
    by_document = np.bincount(inverse, weights=change[finite]) / counts
    mean = float(change[finite].mean()) if mean is None else mean
    return _ratio(mean, float(by_document.std(ddof=1)))


def standardised_by_tokens(
    before: Float64[np.ndarray, "tokens"],
    after: Float64[np.ndarray, "tokens"],
    mean: float | None = None,
) -> float:
    """Mean paired change in units of the standard deviation of the tokens' estimates.

    The standardised mean difference by which violins are compared in print (Cohen 1988, ch. 2):
    (mean after − mean before) / √((s²_before + s²_after) / 2), of the tokens that have both;
    `mean` is the mean change where it is not the tokens', each counting alike.
    """
    finite = np.isfinite(before) & np.isfinite(after)
    if finite.sum() < 2:
        return float("nan")
    before, after = before[finite], after[finite]
    spread = np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2)
    mean = float(after.mean() - before.mean()) if mean is None else mean
    return _ratio(mean, float(spread))


def adjusted_p_values(p_values: npt.ArrayLike) -> Float64[np.ndarray, "tests"]:
    """P values of one family adjusted by Benjamini & Hochberg (1995).

    Those at or below q are findings of which a share of at most q is expected to be false, for
    tests that are independent or positively dependent, as neighbouring layers are. NaN stays NaN,
    and counts for no test.
    """
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full_like(given, np.nan)
    defined = np.isfinite(given)
    if defined.any():
        adjusted[defined] = stats.false_discovery_control(given[defined], method="bh")
    return adjusted


def _ratio(change: float, deviation: float) -> float:
    return change / deviation if deviation > 0 else float("nan")
