"""Means of many groups at once, with the intervals of `clustered_mean` or of `jackknifed`."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Bool, Float, Float64, Int64
from lm_geometry.statistics.jackknife import jackknife_variance
from lm_geometry.statistics.means import satterthwaite

Values = Float64[np.ndarray, "n"]
Numbers = Int64[np.ndarray, "n"]
Means = Float64[np.ndarray, "groups"]


@dataclass(frozen=True)
class GroupedMeans:
    """Of each group its number, its mean and what belongs to a mean.

    `jackknifed` says whether its error is by the jackknife; the others are clustered.
    """

    group: Int64[np.ndarray, "groups"]
    value: Float64[np.ndarray, "groups"]
    standard_error: Float64[np.ndarray, "groups"]
    degrees: Float64[np.ndarray, "groups"]
    values: Int64[np.ndarray, "groups"]
    clusters: Int64[np.ndarray, "groups"]
    jackknifed: Bool[np.ndarray, "groups"]

    def interval(
        self, confidence: float
    ) -> tuple[Float64[np.ndarray, "groups"], Float64[np.ndarray, "groups"]]:
        """Student's t intervals; NaN for groups with fewer than two clusters."""
        half = stats.t.ppf(0.5 + confidence / 2, self.degrees) * self.standard_error
        return self.value - half, self.value + half


def grouped_means(values: Values, groups: Numbers, clusters: Numbers) -> GroupedMeans:
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
    clustered = np.zeros(len(numbers), dtype=bool)
    return GroupedMeans(numbers, means, np.sqrt(variance), several - 1, counts, sizes, clustered)


def jackknifed_means(
    values: Values,
    without: Float[np.ndarray, "n deletions"],
    groups: Numbers,
    clusters: Numbers,
    clouds: Numbers,
) -> GroupedMeans:
    """`grouped_means` with the error of `jackknifed` for every group that has deletions.

    `without` has each value as it is without a group of clusters; NaN in that group. Groups whose
    values have no deletion at all keep the clustered error.
    """
    found = grouped_means(values, groups, clusters)
    deleted = [_means_of(found.group, column, groups) for column in without.T.astype(np.float64)]
    deletions = np.stack(deleted, axis=-1) if deleted else np.empty((len(found.group), 0))
    has = np.isfinite(deletions).any(axis=-1)
    variance = jackknife_variance(deletions)
    degrees = np.minimum(deletions.shape[-1], found.clusters) - 1.0
    drawn, more = _variance_by_clouds(found.group, values, groups, clouds)
    several = has & (drawn > 1)
    both = satterthwaite(variance, degrees, more, drawn - 1.0)
    variance = np.where(several, variance + np.where(several, more, 0), variance)
    degrees = np.where(several, both, degrees)
    degrees = np.where(np.isfinite(variance) & (degrees > 0), degrees, np.nan)
    return replace(
        found,
        standard_error=np.where(has, np.sqrt(variance), found.standard_error),
        degrees=np.where(has, degrees, found.degrees),
        jackknifed=has,
    )


def _means_of(numbers: Int64[np.ndarray, "groups"], values: Values, groups: Numbers) -> Means:
    """Mean of the defined values of each of the groups `numbers`, which are sorted."""
    kept = np.isfinite(values) & np.isin(groups, numbers)
    place = np.searchsorted(numbers, groups[kept])
    length = len(numbers)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.bincount(place, values[kept], length) / np.bincount(place, minlength=length)


def _variance_by_clouds(
    numbers: Int64[np.ndarray, "groups"], values: Values, groups: Numbers, clouds: Numbers
) -> tuple[Means, Means]:
    """How many clouds each group has a mean in, and s²/S of these means."""
    means = np.stack(
        [
            _means_of(numbers, np.where(clouds == one, values, np.nan), groups)
            for one in np.unique(clouds)
        ]
        or [np.empty(0)],
        axis=-1,
    )
    drawn = np.isfinite(means).sum(axis=-1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = means - np.nanmean(means, axis=-1, keepdims=True) if means.size else means
        return drawn, np.nansum(spread**2, axis=-1) / (drawn - 1) / drawn
