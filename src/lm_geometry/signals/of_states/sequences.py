"""Rows of one sequence after another, as a cloud of whole probe texts has them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.shapes import Float64


def each_sequence(
    states: PointCloud, sequences: npt.ArrayLike, at_least: int
) -> Iterator[Float64[np.ndarray, "rows width"]]:
    """The rows of each sequence in their order, of those that have so many.

    Raises ValueError for labels of another length or kind, and where no sequence has so many.
    """
    points, labels = as_cloud(states, 1), np.asarray(sequences)
    if labels.shape != (len(points),):
        raise ValueError(f"sequences has shape {labels.shape}, but states has {len(points)} tokens")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"sequences has dtype {labels.dtype}; a sequence is a whole number")
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.max() < at_least:
        raise ValueError(
            f"sequences has none of {at_least} tokens or more; the longest has {counts.max()}"
        )
    ordered = np.argsort(inverse, kind="stable")
    for rows in np.split(ordered, np.cumsum(counts)[:-1]):
        if len(rows) >= at_least:
            yield points[rows].astype(np.float64)
