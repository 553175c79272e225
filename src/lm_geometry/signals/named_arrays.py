"""Weights and gradients by name, as float64, checked."""

from collections.abc import Iterator, Mapping

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_array
from lm_geometry.point_cloud.shapes import Float64


def each_array(
    arrays: Mapping[str, PointCloud], called: str
) -> Iterator[tuple[str, Float64[np.ndarray, "..."]]]:
    """Each array of `called` with its name, in float64, numpy or torch of any shape.

    Raises ValueError for none at all, and for NaN or infinite values, with the array's name.
    """
    if not arrays:
        raise ValueError(f"{called} has no arrays")
    for name, array in arrays.items():
        values = as_array(array).astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"{called}: {name} has NaN or infinite values")
        yield name, values


def each_change(
    arrays: Mapping[str, PointCloud], before: Mapping[str, PointCloud], called: str
) -> Iterator[tuple[str, Float64[np.ndarray, "..."]]]:
    """Each array of `called` minus the one `before` it of the same name.

    Raises ValueError as `each_array`, and where names or shapes differ.
    """
    if other := sorted(arrays.keys() ^ before.keys()):
        raise ValueError(f"{called} and those before differ in {', '.join(other)}")
    earlier = each_array(before, f"{called} before")
    old = dict(earlier)
    for name, values in each_array(arrays, called):
        if values.shape != old[name].shape:
            raise ValueError(
                f"{called}: {name} has shape {values.shape}, before it had {old[name].shape}"
            )
        yield name, values - old[name]
