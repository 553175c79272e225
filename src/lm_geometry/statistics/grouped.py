"""Means of many groups at once, with the intervals of `clustered_mean`."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Float64, Int64


@dataclass(frozen=True)
class GroupedMeans:
    """Of each group its number, its mean and what belongs to a mean."""

    group: Int64[np.ndarray, "groups"]
    value: Float64[np.ndarray, "groups"]
    standard_error: Float64[np.ndarray, "groups"]
    degrees: Float64[np.ndarray, "groups"]
    values: Int64[np.ndarray, "groups"]
    clusters: Int64[np.ndarray, "groups"]

    def interval(
        self, confidence: float
    ) -> tuple[Float64[np.ndarray, "groups"], Float64[np.ndarray, "groups"]]:
        """Student's t intervals; NaN for groups with fewer than two clusters."""
        half = stats.t.ppf(0.5 + confidence / 2, self.degrees) * self.standard_error
        return self.value - half, self.value + half


def grouped_means(
    values: Float64[np.ndarray, "n"],
    groups: Int64[np.ndarray, "n"],
    clusters: Int64[np.ndarray, "n"],
) -> GroupedMeans:
    """`clustered_mean` of the values of every group; all in one pass.

    Values that are NaN, and those of a negative group, are left out.
    """
    kept = np.isfinite(values) & (groups >= 0)
    values = values[kept]
    numbers, group = np.unique(groups[kept], return_inverse=True)
    counts = np.bincount(group, minlength=len(numbers))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.bincount(group, weights=values, minlength=len(numbers)) / counts
    _, cluster = np.unique(clusters[kept], return_inverse=True)
    width = int(cluster.max(initial=0)) + 1
    pairs, pair = np.unique(group * width + cluster, return_inverse=True)
    sums = np.bincount(pair, weights=values - means[group], minlength=len(pairs))
    sizes = np.bincount(pairs // width, minlength=len(numbers))
    squares = np.bincount(pairs // width, weights=sums**2, minlength=len(numbers))
    several = np.where(sizes > 1, sizes, np.nan)
    variance = several / (several - 1) * squares / counts**2
    return GroupedMeans(numbers, means, np.sqrt(variance), several - 1, counts, sizes)
