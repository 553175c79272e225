"""How far neighbourhoods hold tokens of one label: class, word, part of speech, document."""

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.neighbours.counts import number, whole
from lm_geometry.neighbours.labels import numbered
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.shapes import Int64

BLOCK = 4096  # tokens whose neighbours' labels are looked up together


def label_overlap(
    X: PointCloud | NeighbourGraph,
    labels: ArrayLike,
    n_neighbors: int = 31,
    *,
    class_fraction: float | None = None,
    weighted: bool = False,
) -> float:
    """The share of a token's k nearest that have its own label, as the mean over tokens.

    X is a cloud `[tokens, width]`, as `local_dimension` takes it, or the `neighbour_graph` of one;
    `labels` `[tokens]` are of any kind that sorts. k is `n_neighbors`, or, with `class_fraction`,
    that share of the tokens of the label, rounded down and at least 1, which suits labels of very
    different counts. With `weighted` the mean is over labels, each of which counts alike, of the
    means over their tokens.

    Source: Doimo, Glielmo, Ansuini, Laio 2020, NeurIPS 33, their overlap with the ground truth; the
    options are those of DADApy's `return_label_overlap`, which is weighted by default.
    Cost: the graph O(tokens² · width), the count O(tokens · k) time.
    Bias: chance is Σ c (c − 1) / (N (N − 1)) over the counts c of the labels of N tokens, and with
    `weighted` the mean over labels of (c − 1) / (N − 1): compare with it. A label of c tokens fills
    at most (c − 1) / k of a neighbourhood.
    Raises ValueError as `neighbour_graph`, for labels that are missing or not as many as tokens,
    for a fraction that is not between 0 and 1, and where the graph given has fewer neighbours.
    """
    own = numbered(labels, "labels", len(X))
    counts = np.bincount(own)
    sizes = _sizes(counts, n_neighbors, class_fraction)
    most = int(sizes.max(initial=1))
    graph = X if isinstance(X, NeighbourGraph) else neighbour_graph(X, most)
    near, k = graph.nearest(most).indices, sizes[own]
    alike = np.empty(len(own))
    for first in range(0, len(own), BLOCK):
        part = slice(first, first + BLOCK)
        within = np.arange(most) < k[part, None]
        same = (own[near[part]] == own[part, None]) & within
        alike[part] = same.sum(axis=1) / k[part]
    if weighted:
        return float(np.mean(np.bincount(own, alike) / counts))
    return float(alike.mean())


def _sizes(
    counts: Int64[np.ndarray, "labels"], n_neighbors: int, class_fraction: float | None
) -> Int64[np.ndarray, "labels"]:
    """How many neighbours of the tokens of each label are looked at, `[labels]`."""
    if class_fraction is None:
        return np.full(len(counts), whole(n_neighbors, "n_neighbors"), np.int64)
    if not 0 < number(class_fraction, "class_fraction") <= 1:
        raise ValueError(f"class_fraction is {class_fraction}; it is a share above 0, at most 1")
    return np.maximum((counts * class_fraction).astype(np.int64), 1)
