"""How many eigenvalues exceed a share of the largest one, without computing them all.

A symmetric matrix is brought to tridiagonal form (LAPACK's `sytrd`); Sturm's sequence then counts
the eigenvalues above any number in one pass over the diagonals (Barth, Martin, Wilkinson 1967).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from lm_geometry.neighbours.loops import compiled

BLOCK = 32  # columns that LAPACK takes together
SMALLEST, LARGEST = 1e-30, 1e30  # trace of a float32 matrix that neither vanishes nor overflows


@compiled
def _above(diagonal, squares, x):
    """How many eigenvalues exceed `x`: the positive terms of Sturm's sequence."""
    count, term = 0, 1.0
    for i in range(diagonal.size):
        term = diagonal[i] - x - (squares[i - 1] / term if i > 0 else 0.0)
        if term == 0:
            term = -1e-300
        count += term > 0
    return count


@compiled
def _counts(diagonal, squares, share, margin):
    """The numbers of eigenvalues above `share` ± `margin` of the largest, which is bisected for."""
    high = 0.0
    for i in range(diagonal.size):  # Gershgorin's bound
        beside = np.sqrt(squares[i - 1]) if i > 0 else 0.0
        beside += np.sqrt(squares[i]) if i < squares.size else 0.0
        high = max(high, diagonal[i] + beside)
    low = 0.0
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if _above(diagonal, squares, middle) > 0:
            low = middle
        else:
            high = middle
    fewer = _above(diagonal, squares, (share + margin) * high)
    return fewer, _above(diagonal, squares, (share - margin) * high)


def counts_above(
    matrices: NDArray[Any], share: float, margin: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How many eigenvalues of each float32 matrix exceed `share` of its largest, and if that is sure.

    It is not where an eigenvalue is within `margin` of that share, nor for a matrix of zeros or of
    numbers at the ends of the range of float32. `matrices` `[clouds, n, n]` are symmetric and hold
    no negative eigenvalue but by rounding.
    """
    counts, sure = np.empty(len(matrices)), np.zeros(len(matrices), bool)
    work = BLOCK * matrices.shape[1]
    for i, matrix in enumerate(matrices):
        if not SMALLEST < matrix.trace() < LARGEST:
            continue
        _, diagonal, beside, _, _ = lapack.ssytrd(matrix, lower=1, lwork=work)
        squares = beside.astype(np.float64) ** 2
        fewer, more = _counts(diagonal.astype(np.float64), squares, share, margin)
        counts[i], sure[i] = fewer, fewer == more
    return counts, sure
