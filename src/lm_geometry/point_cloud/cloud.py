"""What an estimator accepts as a point cloud, and its centred single-precision copy."""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lm_geometry.point_cloud.loops import over_rows
from lm_geometry.point_cloud.magnitude import LARGEST
from lm_geometry.point_cloud.shapes import Float, Float64, Int64
from lm_geometry.point_cloud.shapes import PointCloud as PointCloud

FLOAT16_MAX = 65504
SAMPLE = 255  # rows behind the centre; any centre is right, a typical one makes float32 accurate
BLOCK = 256  # rows that are converted at a time


def as_array(X: PointCloud) -> Float[np.ndarray, "..."]:
    """`X` (numpy, memmap or torch on any device) as a float32 or float64 array, values unchanged.

    float16 and bfloat16 become float32, integers float64. Raises ValueError for what holds no real
    numbers.
    """
    if not isinstance(X, np.ndarray) and type(X).__module__.partition(".")[0] == "torch":
        X = X.detach()
        half = X.is_floating_point() and X.element_size() < 4  # which numpy does not have
        X = (X.float() if half else X.resolve_conj()).cpu().numpy()
    try:
        X = np.asarray(X)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"X is no point cloud [tokens, width]: {error}") from None
    if X.dtype in (np.float32, np.float64):
        return np.ascontiguousarray(X)
    if X.dtype.kind not in "fiub":
        raise ValueError(f"X has dtype {X.dtype}; a point cloud holds real numbers")
    return np.ascontiguousarray(X, dtype=np.float32 if X.dtype == np.float16 else np.float64)


def as_cloud(X: PointCloud, at_least: int = 3) -> Float[np.ndarray, "tokens width"]:
    """`X` as a checked point cloud `[tokens, width]`, C-contiguous float32 or float64.

    Raises ValueError for another shape, for fewer than `at_least` tokens, and for rows that hold
    NaN or infinite values, which are named.
    """
    points = in_shape(X, at_least)
    found = over_rows(lambda a, b: a + _not_finite_in(points[a:b]), len(points))
    refuse_rows(X, points, np.concatenate([np.empty(0, np.int64), *found]))
    return points


def in_shape(X: PointCloud, at_least: int) -> Float[np.ndarray, "tokens width"]:
    """`X` as `as_cloud` gives it, its values not looked at."""
    points = as_array(X)
    if points.ndim != 2 or points.shape[1] == 0:
        raise ValueError(f"X has shape {points.shape}; a point cloud is [tokens, width]")
    if len(points) < at_least:
        raise ValueError(f"X has {len(points)} tokens; at least {at_least} are needed")
    return points


def refuse_rows(
    X: PointCloud, points: Float[np.ndarray, "tokens width"], bad: Int64[np.ndarray, "bad"]
) -> None:
    """Raises ValueError if there are `bad` rows, those with NaN or infinite values."""
    if bad.size:
        raise ValueError(_not_finite(bad, str(getattr(X, "dtype", points.dtype))))


def _not_finite_in(points: Float[np.ndarray, "tokens width"]) -> Int64[np.ndarray, "bad"]:
    return np.flatnonzero(~np.isfinite(points).all(axis=1))


def _not_finite(rows: Int64[np.ndarray, "bad"], dtype: str) -> str:
    named = ", ".join(str(row) for row in rows[:5]) + (", …" if rows.size > 5 else "")
    message = f"X has NaN or infinite values in {rows.size} rows: {named}"
    if "float16" in dtype and "bfloat16" not in dtype:
        message += f" (float16 ends at {FLOAT16_MAX}; store such states as float32)"
    return message


class Centred(NamedTuple):
    """A cloud around the origin with coordinates in [-1, 1], for searching in another precision."""

    points: Float[np.ndarray, "tokens width"]
    half_squares: Float[np.ndarray, "tokens"]  # half the squared length of a point, same dtype
    lengths: Float64[np.ndarray, "tokens"]  # the length in float64
    scale: float  # points = (X - centre) * scale, a power of two
    order: Int64[np.ndarray, "tokens"]  # the row of X that each point is
    moved: float = 0.0  # how far a point is at most from its row's place, beyond one rounding
    dropped: float = 0.0  # what a squared distance lacks at most, beyond rounding

    @property
    def unit(self) -> float:
        """The rounding unit of `points`."""
        return float(np.finfo(self.points.dtype).eps) / 2


def centre_and_scale(
    X: Float[np.ndarray, "tokens width"],
) -> tuple[Float64[np.ndarray, "width"], float]:
    """The median of a sample of rows `[width]`, and the power of two that brings X into [-1, 1].

    The median, since a few tokens with massive activations would drag the mean away. The sample is
    evenly spaced: nothing is drawn.
    """
    centre = np.median(X[:: -(-len(X) // SAMPLE)].astype(np.float64), axis=0)
    reach = np.maximum(X.max(axis=0) - centre, centre - X.min(axis=0)).max()
    if reach > LARGEST or np.abs(centre).max() > LARGEST:
        raise ValueError(f"X has values around {reach:.1e}; squares above 1e300 overflow float64")
    return centre, 2.0 ** -np.ceil(np.log2(reach)) if reach > 0 else 1.0


def centred(
    X: Float[np.ndarray, "tokens width"],
    dtype: DTypeLike = np.float32,
    order: Int64[np.ndarray, "tokens"] | None = None,
) -> Centred:
    """`X` centred and scaled, rounded to `dtype` once, its rows in `order` if that is given."""
    centre, scale = centre_and_scale(X)
    order = np.arange(len(X)) if order is None else order
    points = np.empty(X.shape, dtype)
    squares = np.empty(len(X))

    def work(first: int, last: int) -> None:
        for a in range(first, last, BLOCK):
            b = min(a + BLOCK, last)
            shifted = X[order[a:b]] - centre
            shifted *= scale
            points[a:b] = shifted
            squares[a:b] = np.einsum("td,td->t", shifted, shifted)

    over_rows(work, len(X))
    return Centred(points, (squares / 2).astype(dtype), np.sqrt(squares), scale, order)
