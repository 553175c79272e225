"""A graph without some pairs of tokens, or without some tokens, from the lists that it has.

Going along a sorted list and keeping what counts gives the list of what counts, exactly; where a
list ends too soon, the distances to all other tokens are measured. So the lists may come from one
search or be merged from several.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours.counts import whole
from lm_geometry.neighbours.distances import alike
from lm_geometry.neighbours.graph import NeighbourGraph
from lm_geometry.neighbours.labels import as_labels, no_labels, others
from lm_geometry.neighbours.search import nearest_unlike
from lm_geometry.point_cloud.cloud import PointCloud, as_array
from lm_geometry.point_cloud.lists import Lists, empty_lists
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.magnitude import magnified
from lm_geometry.point_cloud.shapes import Bool, Int32


def excluding(
    graph: NeighbourGraph, exclude: ArrayLike, n_neighbors: int, X: PointCloud
) -> NeighbourGraph:
    """The graph of the `n_neighbors` nearest tokens that have another label, exact.

    `exclude` are labels `[tokens]`, such as the document of each token; with several kinds
    `[tokens, kinds]`, tokens alike in any of them do not count. X `[tokens, width]` is the cloud of
    `graph`. What is estimated on the result leaves those pairs out, inside neighbourhoods as well.
    Random labels change nothing but by chance. Of dependent tokens the window removes the nearness
    that their threads have, and overshoots: threads of an AR(.9) process that read 4.7 with all
    pairs read 12.95 without their own, and 11.45 where they are independent, since members of a
    thread no longer shorten each other's distances.

    Source: Theiler 1986, by labels in place of times.
    Cost: O(tokens · neighbours); O(tokens · width) for each token whose list ends too soon.
    Bias: of dependent tokens the overshoot above.
    Raises ValueError for labels of another length, and where a token has fewer than `n_neighbors`
    others of another label.
    """
    labels = as_labels(exclude, len(graph))
    if graph.labels is not None:
        labels = np.ascontiguousarray(np.hstack([graph.labels, labels]))
    everyone = np.ones(len(graph), dtype=np.bool_)
    return _filtered(graph, labels, everyone, n_neighbors, X)


def remaining(
    graph: NeighbourGraph, kept: Bool[np.ndarray, "tokens"], n_neighbors: int, X: PointCloud
) -> NeighbourGraph:
    """The exact graph of the tokens that are `kept`, `X[kept]`, numbered as they are there.

    Pairs that do not count in `graph` do not count here. Whatever a graph gives, overlaps and GRIDE
    included, can so be had without one group of tokens after another.

    Source: the jackknife, Quenouille 1956, Biometrika 43:353.
    Cost: as `excluding`.
    Bias: none.
    Raises ValueError as `excluding`, and for `kept` of another length.
    """
    labels = no_labels(len(graph)) if graph.labels is None else graph.labels
    if kept.shape != (len(graph),):
        raise ValueError(f"kept has shape {kept.shape}; it must say it of {len(graph)} tokens")
    return _filtered(graph, labels, kept, n_neighbors, X)


def _filtered(
    graph: NeighbourGraph,
    labels: Int32[np.ndarray, "tokens kinds"],
    kept: Bool[np.ndarray, "tokens"],
    n_neighbors: int,
    X: PointCloud,
) -> NeighbourGraph:
    rows = np.flatnonzero(kept)
    points, power = magnified(as_array(X))
    if len(points) != len(graph):
        raise ValueError(f"X has {len(points)} tokens, but its graph has {len(graph)}")
    if not 1 <= whole(n_neighbors, "n_neighbors") < len(rows):
        raise ValueError(f"n_neighbors is {n_neighbors}, but {len(rows)} tokens are left")
    own = np.ascontiguousarray(labels[rows])
    if own.shape[1]:
        _refuse_unfilled(own, int(n_neighbors))
    renamed = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    lists = empty_lists(len(rows), int(n_neighbors))
    filled = np.empty(len(rows), np.int64)
    whole_lists = Lists(graph.indices, graph.distances)

    def work(first: int, last: int) -> None:
        _keep(whole_lists, labels, renamed, rows, first, last, lists, filled)

    over_rows(work, len(rows))
    short = np.flatnonzero(filled < n_neighbors)
    if len(short):
        found = nearest_unlike(points[rows], short, int(n_neighbors), own)
        lists.indices[short] = found.indices
        lists.distances[short] = np.ldexp(found.distances, -power) if power else found.distances
    left = own if labels.shape[1] else None
    return replace(graph, indices=lists.indices, distances=lists.distances, labels=left)


def _refuse_unfilled(labels: Int32[np.ndarray, "tokens kinds"], n_neighbors: int) -> None:
    """Raises ValueError where a token has too few others of another label."""
    there = others(labels)
    if there.min(initial=n_neighbors) < n_neighbors:
        worst = int(there.argmin())
        raise ValueError(
            f"{n_neighbors} neighbours are asked for, but token {worst} has only {there[worst]} "
            "others that are not alike (exclude)"
        )


@compiled
def _keep(graph, labels, renamed, rows, first, last, lists, filled):
    """Copies to the lists of `rows[first:last]` the entries that are renamed and not alike."""
    k = lists.indices.shape[1]
    for r in range(first, last):
        row, n = rows[r], 0
        for rank in range(graph.indices.shape[1]):
            token = graph.indices[row, rank]
            if renamed[token] >= 0 and not alike(labels, row, token):
                lists.indices[r, n] = renamed[token]
                lists.distances[r, n] = graph.distances[row, rank]
                n += 1
                if n == k:
                    break
        filled[r] = n
