"""What rounding can do to squared distances that are computed from inner products."""

import numpy as np

from lm_geometry.point_cloud.cloud import Centred
from lm_geometry.point_cloud.shapes import Float64


def ceiling(
    cloud: Centred, length: Float64[np.ndarray, "rows"], farthest: Float64[np.ndarray, "rows"]
) -> Float64[np.ndarray, "rows"]:
    """The squared distance below which every token as near as `farthest` has been computed.

    `length` is that of each row in `cloud`, `farthest` a distance as the cloud was given. A token
    as near as that, at d, is no longer than R = |x| + d. Its squared distance is computed with an
    error of at most (γ + 8u)(|x| + R)², γ = wu / (1 − wu) for w coordinates and the unit u of
    rounding (Higham 2002, §3.1, for any order of summation), from points that had been moved and
    rounded.
    """
    unit, width = cloud.unit, cloud.points.shape[1]
    gamma = width * unit / (1 - width * unit)
    last = farthest * cloud.scale
    both = 2 * length + last + 4 * cloud.moved
    underflow = 8 * width * float(np.finfo(cloud.points.dtype).tiny)
    highest = (last + 2 * cloud.moved + 2 * unit * both) ** 2 + (gamma + 8 * unit) * both**2
    return (highest + cloud.dropped + underflow) * (1 + 1e-9)
