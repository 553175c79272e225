"""TwoNN: the dimension from the ratio of the distances to the two nearest neighbours.

Facco, d'Errico, Rodriguez, Laio 2017, Scientific Reports 7:12140. With r₁ and r₂ the distances to
the nearest and second nearest point, μ = r₂/r₁ follows a Pareto law whose exponent is the
dimension. The line through the origin of −ln(1 − F) against ln μ has it as its slope.
"""

from typing import Literal

import numpy as np

from lm_geometry.dimension.two_nearest import two_nearest_inside
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.counts import number, whole
from lm_geometry.neighbours.labels import no_labels
from lm_geometry.point_cloud.cloud import PointCloud, as_array
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.magnitude import magnified
from lm_geometry.point_cloud.shapes import Float64

Cdf = Literal["i/n", "(i-1)/n"]
Fit = Literal["linear", "mle"]


def local_from_graph(
    graph: NeighbourGraph,
    n_neighbors: int,
    cdf: Cdf = "i/n",
    fit: Fit = "linear",
    discard: float = 0.1,
    *,
    X: PointCloud,
) -> Float64[np.ndarray, "tokens"]:
    """The TwoNN dimension of every token's neighbourhood `[tokens]`; NaN where it is undefined.

    The neighbourhood are the `n_neighbors` nearest other tokens without the token itself, and the
    ratios are taken among them alone, as in scikit-dimension's `fit_pw`. `graph` may have more
    neighbours than that; `X` is the cloud it was made of.

    `cdf` names the empirical distribution: "i/n" (scikit-dimension >= 0.4: ratios that are not
    finite, of copies, are dropped first) or "(i-1)/n" (scikit-dimension 0.3.4: they are kept and
    sort last). The second reads lower, by 4.90 % at 64 neighbours and 2.52 % at 128. `fit` is
    "linear" or "mle" (maximum likelihood of the kept ratios with the others censored,
    scikit-dimension 0.5). `discard` is the share of largest ratios left out. Undefined: fewer than
    2 ratios are kept, one that is not finite is kept, or all are 1.

    Source: Facco et al. 2017, whose fit is made inside each neighbourhood (Ruppik et al. 2025).
    Cost: O(tokens · L²) time at most, 14–25 µs for a token at L = 128; O(L) memory for a thread.
    Bias: too low, since the nearest of a member may lie outside the neighbourhood: 0.92 to
    0.96 of 5 dimensions, 0.82 to 0.87 of 10, 0.71 to 0.75 of 20 at L = 128 (sphere, ball and
    Gaussian clouds of 2,000: docs/estimators.md).
    Raises ValueError for an unknown name and for values out of range.
    """
    check(cdf, fit, discard, n_neighbors)
    near = graph.nearest(n_neighbors)
    points, power = magnified(as_array(X))
    if len(points) != len(graph):
        raise ValueError(f"X has {len(points)} tokens, but its graph has {len(graph)}")
    estimates = np.empty(len(graph))
    rules = (cdf == "i/n", fit == "mle", float(discard))
    distances = np.ldexp(graph.distances, power) if power else graph.distances
    labels = no_labels(len(graph)) if graph.labels is None else graph.labels

    def work(first: int, last: int) -> None:
        ratios = np.empty((last - first, n_neighbors))
        two_nearest_inside(
            near.indices, graph.indices, distances, points, labels, first, last, ratios
        )
        ratios.sort(axis=1)  # infinite last, then NaN
        fit_each(ratios, *rules, estimates[first:last])

    over_rows(work, len(graph))
    return estimates


def global_from_graph(
    graph: NeighbourGraph, cdf: Cdf = "i/n", fit: Fit = "linear", discard: float = 0.1
) -> float:
    """The TwoNN dimension of the whole cloud; options, NaN and errors as `local_from_graph`."""
    return from_distances(graph.nearest(2).distances, cdf, fit, discard)


def from_distances(
    distances: Float64[np.ndarray, "tokens 2"],
    cdf: Cdf = "i/n",
    fit: Fit = "linear",
    discard: float = 0.1,
) -> float:
    """The TwoNN dimension from distances `[tokens, 2]` to the nearest and second nearest token."""
    check(cdf, fit, discard, len(distances))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (distances[:, 1] / distances[:, 0])[None]
    ratios.sort(axis=1)
    estimate = np.empty(1)
    fit_each(ratios, cdf == "i/n", fit == "mle", float(discard), estimate)
    return float(estimate[0])


def check(cdf: str, fit: str, discard: float, ratios: int) -> None:
    """Raises ValueError for options of TwoNN that have no meaning for so many ratios."""
    if cdf not in ("i/n", "(i-1)/n"):
        raise ValueError(f"cdf is {cdf!r}; it must be 'i/n' or '(i-1)/n'")
    if fit not in ("linear", "mle"):
        raise ValueError(f"fit is {fit!r}; it must be 'linear' or 'mle'")
    if not 0 <= number(discard, "discard") < 1:
        raise ValueError(f"discard is {discard}; it is a share from 0 to below 1")
    if whole(ratios, "n_neighbors") < 3:
        raise ValueError(f"{ratios} neighbours are too few for TwoNN; at least 3 are needed")
    if discard == 0 and fit == "linear" and cdf == "i/n":
        raise ValueError("discard must be above 0 with cdf i/n: the last ratio has 1 − F = 0")


@compiled
def fit_each(ratios, drop_infinite, likelihood, discard, estimates):
    """Fits every row of sorted `ratios` `[clouds, ratios]`."""
    y, counted = np.empty(ratios.shape[1]), -1  # −ln(1 − F), which hangs on the number alone
    for row in range(ratios.shape[0]):
        mu = ratios[row]  # [ratios]
        finite = mu.size
        while finite > 0 and not np.isfinite(mu[finite - 1]):
            finite -= 1
        n = finite if drop_infinite else mu.size
        kept = int(n * (1 - discard))
        if kept < 2 or kept > finite:
            estimates[row] = np.nan
        elif likelihood:
            total = 0.0
            for i in range(kept):
                total += np.log(mu[i])
            estimates[row] = (kept - 1) / (total + (n - kept) * np.log(mu[kept - 1]))
        else:
            if n != counted:
                for i in range(kept):
                    y[i] = -np.log(1 - (i + 1 if drop_infinite else i) / n)
                counted = n
            xy, xx = 0.0, 0.0
            for i in range(kept):
                x = np.log(mu[i])
                xy += x * y[i]
                xx += x * x
            estimates[row] = xy / xx
        if np.isinf(estimates[row]):  # every kept ratio is 1
            estimates[row] = np.nan
