"""What an estimator accepts as a point cloud, and its centred single-precision copy."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FLOAT16_MAX = 65504
SAMPLE = 255  # rows behind the centre; any centre is right, a typical one makes float32 accurate
LARGEST = 1e150  # squares of larger numbers overflow float64


def as_array(X: Any) -> NDArray[Any]:
    """`X` (numpy, memmap or torch on any device) as a float32 or float64 array, values unchanged.

    float16 and bfloat16 become float32, integers float64.
    """
    if type(X).__module__.partition(".")[0] == "torch":
        X = X.detach()
        X = (X if "64" in str(X.dtype) else X.float()).cpu().numpy()
    X = np.asarray(X)
    if X.dtype in (np.float32, np.float64):
        return np.ascontiguousarray(X)
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X has dtype {X.dtype}; a point cloud holds real numbers")
    return np.ascontiguousarray(X, dtype=np.float32 if X.dtype == np.float16 else np.float64)


def as_cloud(X: Any, at_least: int = 3) -> NDArray[Any]:
    """`X` as a checked point cloud `[tokens, width]`, C-contiguous float32 or float64.

    Raises ValueError for another shape, for fewer than `at_least` tokens, and for rows that hold
    NaN or infinite values, which are named.
    """
    points = as_array(X)
    if points.ndim != 2 or points.shape[1] == 0:
        raise ValueError(f"X has shape {points.shape}; a point cloud is [tokens, width]")
    if len(points) < at_least:
        raise ValueError(f"X has {len(points)} tokens; at least {at_least} are needed")
    bad = _rows_not_finite(points)
    if bad.size:
        raise ValueError(_not_finite(bad, str(getattr(X, "dtype", points.dtype))))
    return points


def _rows_not_finite(points: NDArray[Any], block: int = 4096) -> NDArray[np.int64]:
    found = [
        first + np.flatnonzero(~np.isfinite(points[first : first + block]).all(axis=1))
        for first in range(0, len(points), block)
    ]
    return np.concatenate(found)


def _not_finite(rows: NDArray[np.int64], dtype: str) -> str:
    named = ", ".join(str(row) for row in rows[:5]) + (", …" if rows.size > 5 else "")
    message = f"X has NaN or infinite values in {rows.size} rows: {named}"
    if "float16" in dtype and "bfloat16" not in dtype:
        message += f" (float16 ends at {FLOAT16_MAX}; store such states as float32)"
    return message


class Centred(NamedTuple):
    """A cloud around the origin with coordinates in [-1, 1], for searching in another precision."""

    points: NDArray[Any]  # [tokens, width]
    half_squares: NDArray[Any]  # [tokens], half the squared length, of the same dtype
    lengths: NDArray[np.float64]  # [tokens], the length in float64
    scale: float  # points = (X - centre) * scale, a power of two

    @property
    def unit(self) -> float:
        """The rounding unit of `points`."""
        return float(np.finfo(self.points.dtype).eps) / 2


def centre_and_scale(X: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """The median of a sample of rows `[width]`, and the power of two that brings X into [-1, 1].

    The median, since a few tokens with massive activations would drag the mean away. The sample is
    evenly spaced: nothing is drawn.
    """
    centre = np.median(X[:: -(-len(X) // SAMPLE)].astype(np.float64), axis=0)
    reach = np.maximum(X.max(axis=0) - centre, centre - X.min(axis=0)).max()
    if reach > LARGEST or np.abs(centre).max() > LARGEST:
        raise ValueError(f"X has values around {reach:.1e}; squares above 1e300 overflow float64")
    return centre, 2.0 ** -np.ceil(np.log2(reach)) if reach > 0 else 1.0


def centred(X: NDArray[Any], dtype: Any = np.float32, block: int = 4096) -> Centred:
    """`X` centred and scaled, rounded to `dtype` once."""
    centre, scale = centre_and_scale(X)
    points = np.empty(X.shape, dtype)
    squares = np.empty(len(X))
    for first in range(0, len(X), block):
        shifted = X[first : first + block] - centre
        shifted *= scale
        points[first : first + block] = shifted
        squares[first : first + block] = np.einsum("td,td->t", shifted, shifted)
    return Centred(points, (squares / 2).astype(dtype), np.sqrt(squares), scale)
