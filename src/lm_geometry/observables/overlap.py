"""How many neighbours two clouds of the same tokens share."""

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours import neighbour_graph
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.shapes import Float64, Integer


@compiled
def _shared(near_a, near_b, first, last):
    """For every k how many neighbours are among the k nearest on both sides, summed over tokens."""
    k_max = near_a.shape[1]  # near_a, near_b [tokens, k_max]
    entering = np.zeros(k_max, np.int64)
    ranks = np.full(near_a.shape[0], k_max, np.int64)
    for token in range(first, last):
        for rank in range(k_max):
            ranks[near_a[token, rank]] = rank
        for rank in range(k_max):
            both = max(ranks[near_b[token, rank]], rank)
            if both < k_max:  # counts for every k above the larger of its two ranks
                entering[both] += 1
        for rank in range(k_max):
            ranks[near_a[token, rank]] = k_max
    return entering


def overlap_from_indices(
    near_a: Integer[np.ndarray, "tokens k_max"], near_b: Integer[np.ndarray, "tokens_of_b k_of_b"]
) -> Float64[np.ndarray, "k_max"]:
    """The neighbourhood overlap from neighbours `[tokens, k_max]` of each side, nearest first.

    χ_k for k = 1 … k_max, float64 `[k_max]`. Raises ValueError where the shapes differ.
    """
    if near_a.shape != near_b.shape or near_a.ndim != 2:
        raise ValueError(
            f"neighbours have shapes {near_a.shape} and {near_b.shape}; equal "
            "[tokens, k_max] are needed"
        )
    near_a, near_b = np.ascontiguousarray(near_a), np.ascontiguousarray(near_b)
    pieces = over_rows(lambda first, last: _shared(near_a, near_b, first, last), len(near_a))
    k = np.arange(1, near_a.shape[1] + 1)
    return np.cumsum(np.sum(pieces, axis=0)) / (k * len(near_a))


def neighbourhood_overlap(
    A: PointCloud, B: PointCloud, k_max: int = 31, *, exclude: ArrayLike | None = None
) -> Float64[np.ndarray, "k_max"]:
    """χ_k(A, B) for k = 1 … k_max, float64 `[k_max]`: the share of k nearest neighbours in common.

    The mean over tokens of |N_k(A) ∩ N_k(B)| / k, where row i of A `[tokens, width]` and B
    `[tokens, width']` is the same token, without the token itself. Clouds as `local_dimension`
    takes them. `exclude` are labels `[tokens]` or `[tokens, kinds]`: tokens of one label are no
    neighbours of each other, on neither side.

    Source: Doimo, Glielmo, Ansuini, Laio 2020, NeurIPS 33.
    Cost: two graphs, O(tokens² · width) time; all k together O(tokens · k_max) time, from ranks.
    Bias: chance is k / (tokens − 1): compare at the same number of tokens.
    Raises ValueError as `neighbour_graph`, and where A and B have different numbers of tokens.
    """
    if len(A) != len(B):
        raise ValueError(f"A has {len(A)} tokens and B has {len(B)}; rows must be the same tokens")
    near = (neighbour_graph(X, k_max, exclude=exclude).indices for X in (A, B))
    return overlap_from_indices(*near)
