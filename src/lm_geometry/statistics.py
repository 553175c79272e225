"""Means, differences and their intervals when tokens of one document belong together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Values = npt.NDArray[np.float64]
Clusters = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error, degrees of freedom and number of values and clusters."""

    value: float
    standard_error: float
    degrees: float
    values: int
    clusters: int

    def interval(self, confidence: float) -> tuple[float, float]:
        """Student's t interval; NaN where there are fewer than two clusters."""
        if not self.degrees > 0:
            return float("nan"), float("nan")
        half = float(stats.t.ppf(0.5 + confidence / 2, self.degrees)) * self.standard_error
        return self.value - half, self.value + half

    def __sub__(self, other: "Mean") -> "Mean":
        """The difference of two independent means (Welch 1947, Satterthwaite 1946)."""
        mine, its = self.standard_error**2, other.standard_error**2
        variance = mine + its
        with np.errstate(invalid="ignore", divide="ignore"):
            degrees = np.float64(variance**2) / (mine**2 / self.degrees + its**2 / other.degrees)
        return Mean(
            self.value - other.value,
            float(np.sqrt(variance)),
            float(degrees),
            self.values + other.values,
            self.clusters + other.clusters,
        )


def clustered_mean(values: Values, clusters: Clusters) -> Mean:
    """The mean of `values` `[n]`, whose standard error lets values of one cluster be dependent.

    With e_g the sum of the residuals of cluster g, the variance of the mean is
    G/(G-1) · Σ e_g² / n², on G-1 degrees of freedom: the linearised ratio estimator of survey
    sampling (Cochran 1977, §2.11 and §11.7), which treats documents as drawn, not tokens.
    NaN values are left out; without any, the mean is NaN.
    """
    finite = np.isfinite(values)
    values, clusters = values[finite], clusters[finite]
    if not len(values):
        return Mean(float("nan"), float("nan"), float("nan"), 0, 0)
    mean = values.mean()
    _, inverse = np.unique(clusters, return_inverse=True)
    sums = np.bincount(inverse, weights=values - mean)
    groups = len(sums)
    if groups < 2:
        return Mean(float(mean), float("nan"), float("nan"), len(values), groups)
    variance = groups / (groups - 1) * float(sums @ sums) / len(values) ** 2
    return Mean(float(mean), float(np.sqrt(variance)), groups - 1.0, len(values), groups)
