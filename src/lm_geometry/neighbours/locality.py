"""An order in which near tokens stand together: their vectors then wait in the caches."""

import numpy as np

from lm_geometry.point_cloud.cloud import BLOCK, centre_and_scale
from lm_geometry.point_cloud.loops import over_rows
from lm_geometry.point_cloud.shapes import Float, Float32, Int64

PIVOTS = 256
MASSIVE = 4  # times the median length: a token that would spoil the common scale of fixed point


def near_together(
    X: Float[np.ndarray, "tokens width"],
) -> tuple[Int64[np.ndarray, "tokens"], int]:
    """The rows of X `[tokens]` grouped by the nearest of some of them, and how many are ordinary.

    Rows with massive activations (farther from the centre than 4 times the median) come last.
    The result of a search does not depend on the order, its memory traffic does.
    """
    centre, scale = centre_and_scale(X)

    def shifted(rows: Int64[np.ndarray, "some"] | slice) -> Float32[np.ndarray, "some width"]:
        return ((X[rows] - centre) * scale).astype(np.float32)

    pivots = shifted(np.arange(0, len(X), -(-len(X) // PIVOTS)))
    half = np.einsum("pd,pd->p", pivots, pivots) / 2
    nearest, squares = np.empty(len(X), np.int64), np.empty(len(X), np.float32)

    def work(first: int, last: int) -> None:
        for a in range(first, last, BLOCK):
            points = shifted(slice(a, min(a + BLOCK, last)))
            nearest[a : a + len(points)] = (half - points @ pivots.T).argmin(axis=1)
            squares[a : a + len(points)] = np.einsum("td,td->t", points, points)

    over_rows(work, len(X))
    massive = squares > MASSIVE**2 * np.median(squares)
    place = _chain(half - pivots @ pivots.T)[nearest]
    return np.lexsort((place, massive)), int(np.sum(~massive))


def _chain(scores: Float[np.ndarray, "pivots pivots"]) -> Int64[np.ndarray, "pivots"]:
    """The place of every pivot on a path that always goes on to the nearest one not yet passed."""
    place = np.empty(len(scores), np.int64)
    free = np.zeros(len(scores))
    here = 0
    for step in range(len(scores)):
        place[here], free[here] = step, np.inf
        here = int((scores[here] + free).argmin())
    return place
