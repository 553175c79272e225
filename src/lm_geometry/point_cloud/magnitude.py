"""Values whose squares leave the range of float64, brought back into it by a power of two.

A power of two changes no digit. Only float64 holds such values: squares of float32 are from 1e-90
to 1e77.
"""

import numpy as np

from lm_geometry.point_cloud.shapes import Float, Float64, Int64

SHORTEST = 2.0**-1054  # of shorter distances float64 has fewer than 20 binary digits
SMALLEST, LARGEST = 1e-120, 1e150  # smaller differences, and larger values, have no exact square
BLOCK = 4096  # rows that are looked at together
FOURTH = 200  # beyond this power of two a square of squares may leave the range
HIGH = 490  # the power of two just below LARGEST, from which small differences have squares


def far_from_one(*clouds: Float[np.ndarray, "_ _"]) -> bool:
    """Whether some values are too small or too large to be squared; only float64 is looked at."""
    return any(X.dtype == np.float64 and _is_far(X) for X in clouds)


def _is_far(X: Float[np.ndarray, "tokens width"]) -> bool:
    for first in range(0, len(X), BLOCK):
        sizes = np.abs(X[first : first + BLOCK])
        if ((sizes > LARGEST) | ((sizes > 0) & (sizes < SMALLEST))).any():
            return True
    return False


def exponent(*clouds: Float[np.ndarray, "_ _"]) -> int:
    """The power of two just above the largest value of all clouds; 0 where all are 0."""
    largest = max((float(np.abs(X).max(initial=0)) for X in clouds), default=0.0)
    return int(np.frexp(largest)[1])


def magnified(
    X: Float[np.ndarray, "tokens width"],
) -> tuple[Float[np.ndarray, "tokens width"], int]:
    """X whose differences have squares, times two to the power that comes with it.

    That is X itself and 0 where it has no values below 1e-120 but zeros. Too large ones stay.
    """
    if not far_from_one(X) or exponent(X) > HIGH:
        return X, 0
    power = HIGH - exponent(X)
    return np.ldexp(X, power), power


def brought_back(
    distances: Float64[np.ndarray, "tokens n_neighbors"], power: int
) -> Float64[np.ndarray, "tokens n_neighbors"]:
    """Distances of a cloud that was `magnified` by two to the `power`, in its own units.

    Raises ValueError where they have too few digits there, below the normal numbers of float64:
    ratios of them would be wrong by up to percents.
    """
    if not power:
        return distances
    own = np.ldexp(distances, -power)
    if ((own < SHORTEST) & (distances > 0)).any():
        raise ValueError(
            f"X has distances below {SHORTEST:.0e}, of which float64 holds few digits: give "
            "X * 2.0**200, whose neighbours and dimensions are the same"
        )
    return own


def in_range(
    *clouds: Float[np.ndarray, "_ _"],
) -> tuple[list[Float[np.ndarray, "_ _"]], int]:
    """The clouds, whose distances have squares then, times two to the power that comes with them.

    They are themselves, and the power 0, where all values can be squared.
    """
    if not far_from_one(*clouds):
        return list(clouds), 0
    power = HIGH - exponent(*clouds)
    return [np.ldexp(X.astype(np.float64), power) for X in clouds], power


def rows_to_one(
    X: Float[np.ndarray, "tokens width"],
) -> tuple[Float64[np.ndarray, "tokens width"], Int64[np.ndarray, "tokens"]]:
    """The rows of X, float64, each times two to the power that comes with it, `[tokens]`."""
    rows = X.astype(np.float64)
    powers = np.zeros(len(X), np.int64)
    if far_from_one(X):
        powers = -np.frexp(np.abs(rows).max(axis=1))[1].astype(np.int64)
        rows = np.ldexp(rows, powers[:, None])
    return rows, powers


def to_one(
    X: Float[np.ndarray, "tokens width"],
) -> tuple[Float64[np.ndarray, "tokens width"], int]:
    """X, float64, times two to the power that comes with it: 0 where fourth powers are in range.

    Squares of its squares neither overflow nor vanish.
    """
    power = -exponent(X)
    if abs(power) <= FOURTH:
        return X.astype(np.float64), 0
    return np.ldexp(X.astype(np.float64), power), power


def centred_to_one(
    X: Float[np.ndarray, "tokens width"],
) -> tuple[Float64[np.ndarray, "tokens width"], int]:
    """The rows of X minus their mean, float64, with the power of two that they were scaled by.

    As `to_one`. A row is taken away before the mean, so that copies of one row are zeros, which the
    rounding of a mean would not leave.
    """
    centred, power = to_one(X)
    centred -= centred[0].copy()
    centred -= centred.mean(axis=0)
    return centred, power
