"""The Hausdorff distance between two clouds."""

from typing import NamedTuple

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.magnitude import in_range
from lm_geometry.point_cloud.shapes import Float, Float64, Int64
from lm_geometry.point_cloud.summation import LANES, squared_distance


class Hausdorff(NamedTuple):
    """The largest distance of a token of one cloud to the nearest token of the other."""

    forward: float  # from A to B
    backward: float  # from B to A

    @property
    def distance(self) -> float:
        """The larger of both directions."""
        return max(self.forward, self.backward)


@compiled
def _nearest_square(x, Y, hint, stop, lanes):
    """The squared distance of `x` to its nearest in Y, or some value up to `stop` if below it."""
    nearest = squared_distance(x, Y[hint], lanes)
    for other in range(Y.shape[0]):
        if nearest <= stop:
            break
        nearest = min(nearest, squared_distance(x, Y[other], lanes))
    return nearest


@compiled
def _directed(X, Y, order, partner, upper):
    """The largest squared distance from X to Y; `upper` bounds that of each token, falling."""
    largest, lanes = 0.0, np.empty(LANES)
    for place in range(order.size):
        token = order[place]
        if upper[token] <= largest:
            break
        largest = max(largest, _nearest_square(X[token], Y, partner[token], largest, lanes))
    return largest


@compiled
def _pair_squares(X, Y, first, last, squares):
    lanes = np.empty(LANES)
    for token in range(first, last):
        squares[token] = squared_distance(X[token], Y[token], lanes)


def hausdorff(A: PointCloud, B: PointCloud) -> Hausdorff:
    """The directed Hausdorff distances between clouds A `[tokens, width]` and B `[tokens', width]`.

    The largest distance of a token of one to its nearest of the other, both ways, exact in float64.
    Where row i of A and of B are the same token, as for a cloud and its noisy copy, nearly all rows
    are settled by the distance to their partner: tokens are taken in falling order of it, and the
    search ends where it is below the largest found. Clouds as `local_dimension` takes them.

    Source: Hausdorff 1914; searches that break off: Taha, Hanbury 2015, IEEE TPAMI 37:2153.
    Cost: O(tokens · width) time for such partners, O(tokens · tokens' · width) at worst; no copy.
    Bias: an extreme value, which one token decides, and which grows with the number of tokens.
    Raises ValueError where widths differ, and for NaN or infinite values.
    """
    first, second = as_cloud(A, at_least=1), as_cloud(B, at_least=1)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"A has width {first.shape[1]} and B {second.shape[1]}; they must agree")
    (first, second), power = in_range(first, second)
    found = _both_ways(first, second)
    return Hausdorff(*(float(np.ldexp(distance, -power)) for distance in found))


def _both_ways(
    first: Float[np.ndarray, "tokens width"], second: Float[np.ndarray, "others width"]
) -> tuple[float, float]:
    if len(first) == len(second):
        squares = np.empty(len(first))
        over_rows(lambda a, b: _pair_squares(first, second, a, b, squares), len(first))
        partners = (np.arange(len(first)),) * 2
        return (
            _search(first, second, partners[0], squares),
            _search(second, first, partners[1], squares),
        )
    return _unpaired(first, second), _unpaired(second, first)


def _search(
    X: Float[np.ndarray, "tokens width"],
    Y: Float[np.ndarray, "others width"],
    partner: Int64[np.ndarray, "tokens"],
    upper: Float64[np.ndarray, "tokens"],
) -> float:
    return float(np.sqrt(_directed(X, Y, np.argsort(-upper, kind="stable"), partner, upper)))


def _unpaired(X: Float[np.ndarray, "tokens width"], Y: Float[np.ndarray, "others width"]) -> float:
    partner = np.arange(len(X)) % len(Y)
    return _search(X, Y, partner, np.full(len(X), np.inf))
