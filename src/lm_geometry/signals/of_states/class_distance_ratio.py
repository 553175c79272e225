"""ILDR: how far the classes of held-out inputs lie apart, by how far each is scattered."""

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.signals.declaration import Signal


def class_distance_ratio(states: PointCloud, classes: npt.ArrayLike) -> float:
    """The mean distance between centroids of classes, over the mean distance to the own centroid.

    Over all pairs of the classes that are there, and over all tokens; `states` `[tokens, width]` of
    the layer before the last, of held-out inputs; `classes` `[tokens]` their labels. Infinite where
    every token is its class's centroid; NaN where all tokens are equal. The paper's abstract names
    both parts and their cost, not whether distances are squared: here they are not.

    Source: 2026, arXiv:2604.20923 (ILDR), which alarms at 2.5 times the value at the start.
    Class: held-out labels.
    Cost: O(tokens · width + classes² · width).
    Range: 0 and more.
    Raises ValueError as `as_cloud`, for labels of another length, and for fewer than two classes.
    """
    points, labels = as_cloud(states, 2).astype(np.float64), np.asarray(classes)
    if labels.shape != (len(points),):
        raise ValueError(f"classes has shape {labels.shape}, but states has {len(points)} tokens")
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise ValueError(f"classes has {len(counts)} class; a ratio needs at least 2")
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, inverse, points)
    centroids = sums / counts[:, None]
    scatter = float(np.linalg.norm(points - centroids[inverse], axis=1).mean())
    apart = float(pdist(centroids).mean())
    if scatter == 0:
        return np.inf if apart > 0 else np.nan
    return apart / scatter


ILDR = Signal(
    name="ildr",
    function=class_distance_ratio,
    labels="held_out",
    source="arXiv:2604.20923",
    cost="O(N w + C² w)",
    needs=("states", "classes"),
    range=(0.0, np.inf),
)
