"""How well the distances of one space predict those of another."""

from typing import NamedTuple

import numpy as np

from lm_geometry.neighbours import neighbour_graph
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.magnitude import in_range
from lm_geometry.point_cloud.shapes import Float, Int32
from lm_geometry.point_cloud.summation import LANES, squared_distance


class Imbalance(NamedTuple):
    """The information imbalances Δ(A → B) and Δ(B → A); 0: predicts, 1: tells nothing."""

    forward: float
    backward: float


@compiled
def _ranks(X, nearest, first, last):
    """The sum over tokens of the ranks, in X, of the tokens `nearest` to each, ties by index."""
    total, lanes, squares = 0, np.empty(LANES), np.empty(X.shape[0])
    for token in range(first, last):
        for third in range(X.shape[0]):
            squares[third] = squared_distance(X[token], X[third], lanes)
        squares[token] = np.inf
        for other in nearest[token]:
            limit = squares[other]
            for third in range(X.shape[0]):
                square = squares[third]
                total += square < limit or (square == limit and third <= other)
    return total


def information_imbalance(A: PointCloud, B: PointCloud, k: int = 1) -> Imbalance:
    """Δ(A → B) and Δ(B → A) of clouds A `[tokens, width]` and B `[tokens, width']`.

    2 / N times the mean rank, in the other cloud, of every token's `k` nearest neighbours: 2 / N
    where k is 1 and A's nearest are B's, 1 where they tell nothing of them. Row i of both is the
    same token. Ranks are exact, among all N tokens; ties are broken by index. Clouds as
    `local_dimension` takes them.

    Source: Glielmo, Zeni, Cheng, Csányi, Laio 2022, PNAS Nexus 1:pgac039; k above 1 as
    DADApy's `return_information_imbalace`.
    Cost: two graphs of k neighbours and O(tokens² · (width + k)) time in float64; no copy.
    Bias: none known; its least value is (k + 1) / N, so compare at the same N and k.
    Raises ValueError as `neighbour_graph`, and where A and B have different numbers of tokens.
    """
    clouds = as_cloud(A), as_cloud(B)
    if len(clouds[0]) != len(clouds[1]):
        raise ValueError(f"A has {len(A)} tokens and B has {len(B)}; rows must be the same tokens")
    near_a, near_b = (neighbour_graph(X, k).indices for X in clouds)
    first, second = (in_range(X)[0][0] for X in clouds)
    return Imbalance(_imbalance(second, near_a), _imbalance(first, near_b))


def _imbalance(
    X: Float[np.ndarray, "tokens width"], nearest: Int32[np.ndarray, "tokens k"]
) -> float:
    ranks = over_rows(lambda first, last: _ranks(X, nearest, first, last), len(X))
    return 2 * sum(ranks) / (len(X) * nearest.size)
