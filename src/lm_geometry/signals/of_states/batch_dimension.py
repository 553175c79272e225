"""D2L's local dimension within small batches, and its rule for the turning point of training.

Ma et al. 2018, ICML, arXiv:1806.02612: the oldest alarm on a local dimension while a model trains.
"""

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal

BATCH, NEAREST = 128, 20
ADDED = 1e-8  # to each ratio, as in the published code
BEFORE, WINDOW = 5, 5  # values before the first window, and in one


def batch_dimension(states: PointCloud, batch: int = BATCH, k: int = NEAREST) -> float:
    """The mean over all rows of −k / Σⱼ ln(r_j / r_k + 1e-8), neighbours of the own batch alone.

    The states `[tokens, width]` are dealt into batches of `batch` rows, the same at every call; r₁
    … r_k are the distances to the nearest others, all of them in a batch of k rows or fewer. It is
    the published variant of the maximum likelihood, k/(k − 1) times Levina and Bickel's, and high,
    since neighbours in a small batch are far. A batch of one row has none and is left out. NaN
    where the mean is not above 0, as where all of a row's distances are equal.

    Source: Ma et al. 2018, ICML, arXiv:1806.02612; its code draws other training inputs each time.
    Class: no labels at all (the paper takes training inputs).
    Cost: O(tokens · batch · width).
    Range: 0 and more.
    Raises ValueError for a batch of fewer than 2, for fewer than 3 tokens, and as `as_cloud`.
    """
    if batch < 2 or k < 1:
        raise ValueError(f"batch is {batch} and k is {k}; at least 2 rows, and 1 neighbour")
    points = as_cloud(states).astype(np.float64)
    order = np.random.default_rng(0).permutation(len(points))
    values = np.concatenate(
        [
            _of_batch(points[order[first : first + batch]], k)
            for first in range(0, len(points), batch)
        ]
    )
    mean = float(values.mean())
    return mean if mean > 0 else float("nan")


def turning_point(d2l_dimension: npt.ArrayLike) -> float:
    """By how many deviations the last dimension exceeds the mean of the five before it.

    (x − mean) / sd, sd over the five (not n − 1). Published: training has turned where it is above
    2, for the first time after ten values. NaN before that; infinite where the five are equal and
    the last is larger. A value that is not there counts as the one before it, as published.

    Source: Ma et al. 2018, ICML, arXiv:1806.02612, with the code's `init_epoch` and `epoch_win` 5.
    Class: no labels at all.
    Cost: none.
    Range: all numbers.
    Raises ValueError for what is no series `[steps]`.
    """
    values = np.asarray(d2l_dimension, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"d2l_dimension has shape {values.shape}; it is a series [steps]")
    values = _filled(values)
    if len(values) <= BEFORE + WINDOW or np.isnan(values[-WINDOW - 1 :]).any():
        return float("nan")
    window, last = values[-WINDOW - 1 : -1], values[-1]
    if last == window.mean():
        return 0.0
    with np.errstate(divide="ignore"):
        return float((last - window.mean()) / window.std())


def _of_batch(rows: Float64[np.ndarray, "rows width"], k: int) -> Float64[np.ndarray, "kept"]:
    near = min(k, len(rows) - 1)
    if near < 1:
        return np.empty(0)
    distances = np.sort(cdist(rows, rows), axis=1)[:, 1 : near + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(distances[:, -1:] > 0, distances / distances[:, -1:], 1.0)
        return -near / np.log(ratios + ADDED).sum(axis=1)


def _filled(values: Float64[np.ndarray, "steps"]) -> Float64[np.ndarray, "steps"]:
    """Each NaN replaced by the last number before it."""
    place = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
    return values[place]


DIMENSION = Signal(
    name="d2l_dimension",
    function=batch_dimension,
    labels="none",
    source="arXiv:1806.02612",
    cost="O(N · 128 · w)",
    needs=("states",),
    range=(0.0, np.inf),
)
TURNING_POINT = Signal(
    name="d2l_turning_point",
    function=turning_point,
    labels="none",
    source="arXiv:1806.02612",
    cost="none",
    past=("d2l_dimension",),
    rule="level",
    published=2.0,
)
