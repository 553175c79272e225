"""Searches that may miss a neighbour, and the share of neighbours that they find, by an audit."""

import numpy as np

from lm_geometry.neighbours import blocked
from lm_geometry.neighbours.fixed_point import in_fixed_point
from lm_geometry.neighbours.locality import near_together
from lm_geometry.neighbours.search import measured, nearest_of_all, redone, search
from lm_geometry.point_cloud.cloud import centred
from lm_geometry.point_cloud.lists import Lists
from lm_geometry.point_cloud.loops import threads
from lm_geometry.point_cloud.shapes import Float

SPARE = 128  # candidates beyond the neighbours asked for, at least
POOL = 50  # further candidates that NN-descent keeps while it runs


def by_int8(X: Float[np.ndarray, "tokens width"], k: int) -> Lists:
    """The k nearest by distances in float64 of 2k or more candidates, found in 8-bit integers.

    Tokens with massive activations are searched, and offered to the others, in float32. Clouds
    in which they are many are searched exactly.
    """
    found = in_fixed_point(X, *near_together(X), coarse=True)
    if found is None:
        return search(X, k, "own")
    cloud, fixed = found
    keep = min(k + max(k, SPARE), len(X) - 1)
    candidates = blocked.all_candidates(cloud, keep, fixed)
    order, count = cloud.order, candidates.filled
    lists = measured(X, order, order, candidates.tokens, count, k)
    return redone(X, np.sort(order[count < k]), keep, lists)


def by_descent(X: Float[np.ndarray, "tokens width"], k: int, seed: int) -> Lists:
    """The k nearest that faiss's NN-descent finds (Dong et al. 2011, WWW), measured in float64.

    Clouds of less than four times the candidates are searched exactly.
    """
    keep = min(k + max(k // 4, 16), len(X) - 1)
    if len(X) < 4 * (keep + POOL):
        return search(X, k, "own")  # faiss would list a large part of so small a cloud at random
    import faiss

    faiss.omp_set_num_threads(threads())
    index = faiss.IndexNNDescentFlat(X.shape[1], keep, faiss.METRIC_L2)
    index.nndescent.random_seed, index.nndescent.L = seed, keep + POOL
    index.add(centred(X).points)  # pyright: ignore[reportCallIssue]
    tokens = faiss.vector_to_array(index.nndescent.final_graph).reshape(len(X), keep)
    rows = np.arange(len(X))
    return measured(X, rows, rows, tokens, np.full(len(X), keep), k)


def measured_recall(
    X: Float[np.ndarray, "tokens width"], lists: Lists, rows: int, seed: int
) -> float:
    """The share of the true neighbours that `lists` hold, over `rows` tokens drawn by `seed`.

    Another token at the same distance counts as well as the true one.
    """
    drawn = np.random.default_rng(seed).choice(len(X), min(rows, len(X)), replace=False)
    drawn.sort()
    _, distances = nearest_of_all(X, drawn, lists[1].shape[1])
    return float(np.mean(lists[1][drawn] <= distances[:, -1:]))
