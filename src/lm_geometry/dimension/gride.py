"""GRIDE: the dimension over a range of scales, from ratios of the distances at ranks 1, 2, 4, …

Denti, Doimo, Laio, Mira 2022, Scientific Reports 12:20005. The conventions are those of DADApy's
`return_id_scaling_gride`: which ratios count as outliers, N − 1 in place of N in the likelihood,
and a standard error from all ratios.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.dimension.pareto_ratios import dimension_of, error_of, without_outliers
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.counts import whole
from lm_geometry.neighbours.graph_of_cloud import Backend, neighbour_graph
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.loops import over_rows
from lm_geometry.point_cloud.ranks import ranks_up_to
from lm_geometry.point_cloud.shapes import Float, Float64, Int64


class Gride(NamedTuple):
    """Estimates at every scale, of one cloud or of several."""

    scale: Int64[np.ndarray, "scales"]  # rank of the farther neighbour: 2, 4, 8, …
    n1: Int64[np.ndarray, "scales"]  # rank of the nearer one: 1, 2, 4, …
    dimension: Float64[np.ndarray, "*clouds scales"]
    error: Float64[np.ndarray, "*clouds scales"]  # standard error of the dimension
    points: Int64[np.ndarray, "*clouds scales"]  # tokens whose ratio was used


def gride(
    X: PointCloud,
    range_max: int = 256,
    backend: Backend = "auto",
    *,
    exclude: ArrayLike | None = None,
) -> Gride:
    """The dimension of the cloud X `[tokens, width]` at the scales 2, 4, 8 … up to `range_max`.

    Has `scale` `[scales]`, `dimension` and its standard `error`, and how many `points` were used.
    A cloud of fewer tokens has the scales that fit into it. `exclude` are labels `[tokens]` or
    `[tokens, kinds]`: tokens of one label are no neighbours of each other. X, as `local_dimension`
    takes it, should hold no copies of a row: their ratios are not finite and are left out.

    Source: Denti et al. 2022, Scientific Reports 12:20005, equation 10, with the outlier filter,
    the standard error and the constants of DADApy 0.3.4.
    Cost: the graph O(tokens² · width) time and O(tokens · range_max) memory; the scales O(tokens)
    each.
    Bias: too low, the more so the higher the dimension and the larger the scale (15.4 of 20 at
    scale 16 on a sphere); small scales see the noise. The error is that of independent ratios: the
    deviation over 150 Gaussian clouds of 5 or 10 dimensions is 1.0 to 1.4 times it (1.7 at scale
    256), but over clouds of 20 tight groups of 30 tokens 9 to 16 times from scale 32 on, so that
    the error of dependent tokens is to be found over documents or clouds.
    Raises ValueError as `neighbour_graph`, and for a `range_max` below 2.
    """
    most = whole(range_max, "range_max")
    ranks = ranks_up_to(min(most, len(X) - 1) if len(X) > 2 else most)
    return from_graph(neighbour_graph(X, int(ranks[-1]), backend, exclude=exclude), range_max)


def from_graph(graph: NeighbourGraph, range_max: int = 256) -> Gride:
    """The dimension at the scales up to `range_max` that the lists of the graph reach."""
    ranks = ranks_up_to(min(range_max, graph.n_neighbors) if range_max >= 2 else range_max)
    return from_radii(graph.distances[:, ranks - 1])


def from_radii(radii: Float[np.ndarray, "*clouds tokens ranks"]) -> Gride:
    """The dimension from the distances at ranks 1, 2, 4 … `[..., tokens, ranks]`, cloud by cloud.

    NaN where fewer than 3 ratios are left, or none differs from 1.
    """
    radii = np.asarray(radii)
    if radii.ndim < 2 or radii.shape[-1] < 2:
        raise ValueError(
            f"radii have shape {radii.shape}; [..., tokens, ranks 1, 2, 4, …] is needed"
        )
    clouds = radii.reshape(-1, *radii.shape[-2:]).astype(np.float64, copy=False)
    scales = 2 ** np.arange(1, radii.shape[-1])
    dimension, error = np.empty((2, len(clouds), len(scales)))
    points = np.empty((len(clouds), len(scales)), np.int64)

    def work(first: int, last: int) -> None:
        for cell in range(first, last):
            at = divmod(cell, len(scales))
            ratios = _ratios(clouds[at[0]], at[1])
            dimension[at], error[at], points[at] = _estimate(ratios, int(scales[at[1]]))

    over_rows(work, dimension.size, at_least=8)
    shape = (*radii.shape[:-2], len(scales))
    return Gride(
        scales, scales // 2, dimension.reshape(shape), error.reshape(shape), points.reshape(shape)
    )


def _ratios(
    cloud: Float64[np.ndarray, "tokens ranks"], column: int
) -> Float64[np.ndarray, "finite"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = cloud[:, column + 1] / cloud[:, column]
    return ratios[np.isfinite(ratios)]


def _estimate(ratios: Float64[np.ndarray, "ratios"], n2: int) -> tuple[float, float, int]:
    kept, every = without_outliers(ratios)
    if len(kept) < 3 or kept[-1] <= 1 + 1e-14:
        return np.nan, np.nan, len(kept)
    dimension = dimension_of(kept, n2 // 2, n2)
    return dimension, error_of(every, dimension, n2 // 2, n2), len(kept)
