"""The neighbour ranks at which a cloud is looked at, scale by scale."""

import numpy as np

from lm_geometry.point_cloud.shapes import Int64


def ranks_up_to(range_max: int) -> Int64[np.ndarray, "ranks"]:
    """The ranks 1, 2, 4, 8 … up to `range_max`, which must be at least 2."""
    if range_max < 2:
        raise ValueError(f"range_max is {range_max}; the smallest scale is 2")
    return 2 ** np.arange(int(range_max).bit_length())
