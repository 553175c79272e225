"""How many eigenvalues exceed a share of the largest one, without computing them all.

A symmetric matrix is brought to tridiagonal form (LAPACK's `sytrd`); Sturm's sequence then counts
the eigenvalues above any number in one pass over the diagonals (Barth, Martin, Wilkinson 1967).
"""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
import scipy.linalg.cython_lapack  # noqa: F401  loaded before threads are limited
from numba.extending import get_cython_function_address

from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.shapes import Bool, Float32, Float64

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


@cache
def _tridiagonalise() -> Callable[..., None]:
    """LAPACK's `ssytrd` of scipy; called through ctypes, which lets other threads run meanwhile."""
    address = get_cython_function_address("scipy.linalg.cython_lapack", "ssytrd")
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 10)(address)


def _diagonals(
    matrix: Float32[np.ndarray, "n n"],
) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n-1"]]:
    """Diagonal and squared subdiagonal of the tridiagonal form; `matrix` is overwritten."""
    n = len(matrix)
    diagonal, beside, factors = np.empty((3, n), np.float32)
    work = np.empty(BLOCK * n, np.float32)
    size, length, info = (ctypes.c_int(value) for value in (n, work.size, 0))
    lower = ctypes.c_char(b"L")
    arrays = [array.ctypes.data for array in (diagonal, beside, factors, work)]
    pointers = [ctypes.byref(lower), ctypes.byref(size), matrix.ctypes.data, ctypes.byref(size)]
    _tridiagonalise()(*pointers, *arrays, ctypes.byref(length), ctypes.byref(info))
    return diagonal.astype(np.float64), beside[: n - 1].astype(np.float64) ** 2


def counts_above(
    matrices: Float32[np.ndarray, "clouds n n"], share: float, margin: float
) -> tuple[Float64[np.ndarray, "clouds"], Bool[np.ndarray, "clouds"]]:
    """How many eigenvalues of each matrix exceed `share` of its largest, and whether that is sure.

    It is not where an eigenvalue is within `margin` of that share, nor for a matrix of zeros or of
    numbers at the ends of the range of float32. `matrices` `[clouds, n, n]` float32 are symmetric,
    have no negative eigenvalue but by rounding, and are overwritten.
    """
    counts, sure = np.empty(len(matrices)), np.zeros(len(matrices), bool)
    for i, matrix in enumerate(matrices):
        with np.errstate(over="ignore", invalid="ignore"):
            size = matrix.trace()
        if not SMALLEST < size < LARGEST:
            continue
        diagonal, squares = _diagonals(matrix)
        fewer, more = _counts(diagonal, squares, share, margin)
        counts[i], sure[i] = fewer, fewer == more
    return counts, sure
