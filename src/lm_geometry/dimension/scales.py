"""At which scale? A cloud read near and far, thinned out, and with more and more of its tokens.

A dimension is a property of a cloud where it hardly depends on the scale: on a plateau. Noise and
tokens of one's own text rule the nearest neighbours, the shape of the whole cloud the farthest.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.dimension import twonn
from lm_geometry.dimension.gride import from_graph as gride_scales
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.counts import whole
from lm_geometry.neighbours.filtered import remaining
from lm_geometry.neighbours.graph_of_cloud import Backend, neighbour_graph
from lm_geometry.neighbours.labels import as_labels, others
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.ranks import ranks_up_to
from lm_geometry.point_cloud.shapes import Bool, Float, Int64

Neighbours = Literal["all", "of other groups"]
FEWEST = 100  # tokens of a part that TwoNN reads
LEVEL = 0.15  # by which the largest of a plateau may exceed the smallest
SPAN = 4  # scales of the shortest plateau: a factor of 8 in rank


class Reading(NamedTuple):
    """One dimension of a cloud or of parts of it."""

    method: Literal["gride", "twonn", "local"]
    neighbours: Neighbours
    tokens: int  # of a part, or of the cloud
    scale: int  # rank of the farther neighbour (gride, twonn), or L (local)
    dimension: float  # the mean over parts
    error: float  # standard error: of independent ratios (gride), or over parts; NaN of one part


class Plateau(NamedTuple):
    """Scales over which GRIDE is level."""

    neighbours: Neighbours
    first: int  # rank of the farther neighbour
    last: int
    lowest: float
    highest: float


class Scales(NamedTuple):
    """What a cloud reads, as rows of a table (`pandas.DataFrame(found.readings)`), and where level.

    A kind of neighbours that has no plateau has none among `plateaus`.
    """

    readings: list[Reading]
    plateaus: list[Plateau]


def scales(
    X: PointCloud,
    groups: ArrayLike | None = None,
    n_neighbors: int = 128,
    range_max: int = 256,
    *,
    seed: int = 0,
    backend: Backend = "auto",
) -> Scales:
    """The dimension of X `[tokens, width]` over scales, whether there is a plateau, and where.

    Three ways, each with all neighbours and, where `groups` are given, labels `[tokens]` such as
    sequences, or `[tokens, kinds]`, without those of a token's own group:

    - "gride": at the ranks 2, 4, 8 … up to `range_max`;
    - "twonn": two neighbours of every token in the cloud, and in parts of a half, a quarter … of
      its tokens, of 100 or more; the mean over all parts of a size, dealt by `seed`;
    - "local": the mean of `local_dimension` at L = `n_neighbors` in the same parts: whether it has
      converged in the number of tokens.

    A plateau is the longest run of GRIDE's scales over which the largest dimension exceeds the
    smallest by 15 % at most, a factor of 8 in rank or more; of several the first. The estimators'
    own bias falls with the scale by about as much where the dimension is 20.

    Source: Denti et al. 2022, Scientific Reports 12:20005 (GRIDE over scales); Facco et al. 2017,
    Scientific Reports 7:12140 (TwoNN of thinned clouds, as DADApy's `return_id_scaling_2NN`).
    Cost: that of a graph of 2 max(n_neighbors, range_max) neighbours, O(tokens² width), for each
    kind of neighbours; the parts together less than that.
    Bias: as `gride` and `local_dimension`; without own groups as `excluding`.
    Raises ValueError as `neighbour_graph` and `excluding`, and for values out of range.
    """
    points = as_cloud(X)
    if whole(n_neighbors, "n_neighbors") < 3:
        raise ValueError(f"n_neighbors is {n_neighbors}; at least 3 are needed")
    rank = np.random.default_rng(seed).permutation(len(points))
    top = int(ranks_up_to(whole(range_max, "range_max"))[-1])
    kinds: dict[Neighbours, ArrayLike | None] = {"all": None}
    if groups is not None:
        kinds["of other groups"] = groups
    found, level = [], []
    for name, labels in kinds.items():
        room = len(points) - 1
        if labels is not None:
            room = int(others(as_labels(labels, len(points))).min())
        needed = max(n_neighbors, 2)
        length = max(min(2 * max(needed, top), room), needed)
        graph = neighbour_graph(points, length, backend, exclude=labels)
        found += _of_graph(points, graph, name, rank, n_neighbors, top)
        of_ranks = [one for one in found if (one.method, one.neighbours) == ("gride", name)]
        dimensions = np.array([one.dimension for one in of_ranks])
        if run := plateau(dimensions):
            chosen = of_ranks[run[0] : run[1]]
            values = [one.dimension for one in chosen]
            level += [Plateau(name, chosen[0].scale, chosen[-1].scale, min(values), max(values))]
    return Scales(found, level)


def plateau(
    dimensions: Float[np.ndarray, "scales"], level: float = LEVEL, span: int = SPAN
) -> tuple[int, int] | None:
    """The longest run of `dimensions` that differ by at most the share `level`: first, end.

    None where no `span` of them in a row do; the first of several runs of one length.
    """
    best: tuple[int, int] | None = None
    for first in range(len(dimensions)):
        for end in range(len(dimensions), first + span - 1, -1):
            run = dimensions[first:end]
            if run.max() <= (1 + level) * run.min():  # never so where one is NaN
                if best is None or end - first > best[1] - best[0]:
                    best = first, end
                break
    return best


def _of_graph(
    X: Float[np.ndarray, "tokens width"],
    graph: NeighbourGraph,
    name: Neighbours,
    rank: Int64[np.ndarray, "tokens"],
    n_neighbors: int,
    top: int,
) -> Iterator[Reading]:
    found = gride_scales(graph, top)
    for scale, dimension, error in zip(found.scale, found.dimension, found.error, strict=True):
        yield Reading("gride", name, len(X), int(scale), float(dimension), float(error))
    for size in range(max(len(X) // FEWEST, 1).bit_length()):
        parts = [rank % 2**size == part for part in range(2**size)]
        tokens = len(X) // 2**size
        room = min(_room(graph, part) for part in parts)
        if room < 2:
            return
        near = [remaining(graph, part, min(n_neighbors, room), X) for part in parts]
        yield _mean("twonn", name, tokens, 2, [twonn.global_from_graph(one) for one in near])
        if room >= n_neighbors:
            local = zip(parts, near, strict=True)
            values = [_mean_local(X[part], one, n_neighbors) for part, one in local]
            yield _mean("local", name, tokens, n_neighbors, values)


def _mean_local(
    X: Float[np.ndarray, "tokens width"], graph: NeighbourGraph, n_neighbors: int
) -> float:
    values = twonn.local_from_graph(graph, n_neighbors, X=X)
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else np.nan


def _room(graph: NeighbourGraph, kept: Bool[np.ndarray, "tokens"]) -> int:
    """How many other tokens count for each of those that are kept, at least."""
    if graph.labels is None:
        return int(kept.sum()) - 1
    return int(others(graph.labels[kept]).min())


def _mean(
    method: Literal["twonn", "local"],
    name: Neighbours,
    tokens: int,
    scale: int,
    values: Sequence[float],
) -> Reading:
    spread = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return Reading(method, name, tokens, scale, float(np.mean(values)), float(spread))
