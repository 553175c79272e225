"""Correlation of two numbers per token, with intervals by a bootstrap over clusters of tokens."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Float64, Int32, Int64

Values = Float64[np.ndarray, "n"]
Clusters = Int64[np.ndarray, "n"]
Weights = Float64[np.ndarray, "clusters columns"]
Replicates = Float64[np.ndarray, "columns"]

METHODS = ("pearson", "spearman", "kendall")
KENDALL_TOKENS = 3000  # most tokens of which Kendall's bootstrap compares every pair
KENDALL_CLUSTERS = 500  # beyond as many clusters, the bootstrap of Kendall has KENDALL_DRAWS draws
KENDALL_DRAWS = 200
MOST_UNDEFINED = 0.05  # share of resamples without a correlation, beyond which no interval is given
_POWERS = [(0, 0), (1, 0), (0, 1), (2, 0), (0, 2), (1, 1)]


@dataclass(frozen=True)
class Correlation:
    """A correlation, its bootstrap replicates, and how many pairs and clusters it has."""

    value: float
    draws: Float64[np.ndarray, "draws"]
    pairs: int
    clusters: int

    def interval(self, confidence: float) -> tuple[float, float]:
        """Interval on Fisher's scale: tanh(arctanh r ± t · s.d. of the replicates' arctanh).

        Student's t on clusters - 1 degrees of freedom; it covers what it says with fewer clusters
        than the percentiles of the replicates do. NaN where too many resamples have no correlation
        (or one of ±1).
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled, centre = np.arctanh(self.draws), np.arctanh(self.value)
        defined = np.isfinite(scaled)
        if self.clusters < 3 or not defined.mean() >= 1 - MOST_UNDEFINED or not np.isfinite(centre):
            return float("nan"), float("nan")
        half = stats.t.ppf(0.5 + confidence / 2, self.clusters - 1) * scaled[defined].std(ddof=1)
        return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def resamples(clusters: int, draws: int, generator: np.random.Generator) -> Weights:
    """How often each cluster is drawn, 1 + `draws` columns: first the sample itself, all once.

    The other columns are as many draws with replacement as there are clusters (Efron 1979; whole
    clusters, so that whatever depends within one stays together: Davison & Hinkley 1997, §3.8).
    """
    drawn = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws)
    return np.vstack([np.ones(clusters), drawn.astype(np.float64)]).T.copy()


def clustered_correlations(
    x: Values, y: Values, clusters: Clusters, weights: Weights
) -> dict[str, Correlation]:
    """Pearson's, Spearman's and Kendall's (tau-b) correlation of `x` and `y`, by method.

    `clusters` are rows of `weights` (see `resamples`). Pairs of which one is NaN are left
    out. Replicates are exact: those of the tokens repeated as often as their cluster was drawn.
    What compares every pair is bounded: Kendall's replicates are of at most `KENDALL_TOKENS`
    tokens, evenly chosen (the interval is then slightly too wide), and there are at most
    `KENDALL_DRAWS` of them with more than `KENDALL_CLUSTERS` clusters.
    """
    kept = np.isfinite(x) & np.isfinite(y)
    x, y, clusters = x[kept], y[kept], clusters[kept]
    there, cluster = np.unique(clusters, return_inverse=True)
    pairs, count = len(x), len(there)
    if pairs < 2:
        nothing = Correlation(float("nan"), np.full(weights.shape[1] - 1, np.nan), pairs, count)
        return dict.fromkeys(METHODS, nothing)
    drawn = np.ascontiguousarray(weights[there])
    found = {
        "pearson": _pearson(x, y, cluster, drawn),
        "spearman": _spearman(x, y, cluster, drawn),
        "kendall": _kendall(x, y, cluster, drawn),
    }
    return {name: Correlation(float(r[0]), r[1:], pairs, count) for name, r in found.items()}


def _pearson(x: Values, y: Values, cluster: Clusters, weights: Weights) -> Replicates:
    """From the sums of each cluster; centred first, so that nothing cancels."""
    x, y = x - x.mean(), y - y.mean()
    sums = np.stack([np.bincount(cluster, x**i * y**j, len(weights)) for i, j in _POWERS])
    n, sx, sy, sxx, syy, sxy = sums @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (n * sxy - sx * sy) / np.sqrt((n * sxx - sx**2) * (n * syy - sy**2))
    return np.clip(r, -1, 1)


def _spearman(x: Values, y: Values, cluster: Clusters, weights: Weights) -> Replicates:
    from lm_geometry.statistics.rank_loops import weighted_spearman

    r = weighted_spearman(*_sorted(x), *_sorted(y), cluster, weights)
    return np.clip(r, -1, 1)


def _sorted(values: Values) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "levels"]]:
    """The order that sorts `values`, and where its runs of equal values begin; the end last."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return order, np.concatenate([[0], begins, [len(values)]])


def _kendall(
    x: Values, y: Values, cluster: Clusters, weights: Weights
) -> Float64[np.ndarray, "drawn"]:
    if len(weights) > KENDALL_CLUSTERS:
        weights = weights[:, : 1 + KENDALL_DRAWS]
    if len(x) <= KENDALL_TOKENS:
        return _tau(x, y, cluster, weights)
    chosen = np.linspace(0, len(x) - 1, KENDALL_TOKENS).round().astype(np.int64)
    some = _tau(x[chosen], y[chosen], cluster[chosen], weights)
    whole = float(stats.kendalltau(x, y)[0])  # pyright: ignore[reportArgumentType]
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.tanh(np.arctanh(some) - np.arctanh(some[0]) + np.arctanh(whole))
    moved[0] = whole
    return moved


def _tau(x: Values, y: Values, cluster: Clusters, weights: Weights) -> Replicates:
    """Kendall's tau-b from the counts of pairs between any two clusters."""
    from lm_geometry.statistics.rank_loops import concordance

    order = np.argsort(cluster, kind="stable")
    bounds = np.searchsorted(cluster[order], np.arange(len(weights) + 1))
    ranks = [np.unique(v, return_inverse=True)[1].astype(np.int32)[order] for v in (x, y)]
    untied = [_untied(rank, cluster[order], len(weights)) for rank in ranks]
    signs, in_x, in_y = (
        np.einsum("ab,ab->b", weights, counts @ weights)
        for counts in (concordance(*ranks, bounds), *untied)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return signs / np.sqrt(in_x * in_y)


def _untied(
    rank: Int32[np.ndarray, "n"], cluster: Clusters, clusters: int
) -> Float64[np.ndarray, "clusters clusters"]:
    """Ordered pairs of tokens of different rank by their clusters."""
    sizes = np.bincount(cluster, minlength=clusters).astype(np.float64)
    tied = np.bincount(rank) > 1
    level = (np.cumsum(tied) - 1)[rank]
    kept, levels = tied[rank], int(tied.sum())
    cells = cluster[kept] * levels + level[kept]
    counts = np.bincount(cells, minlength=clusters * levels).reshape(clusters, levels)
    counts = counts.astype(np.float64)
    alone = sizes - counts.sum(axis=1)  # a token of its own rank is tied with itself
    return np.outer(sizes, sizes) - counts @ counts.T - np.diag(alone)
