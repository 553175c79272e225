"""Curvature: by what angle the path of a text's states turns at each token."""

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.of_states.sequences import each_sequence


def curvature(states: PointCloud, sequences: npt.ArrayLike) -> float:
    """The mean over sequences of the mean angle between successive differences of states, radians.

    With v_k = z_(k+1) − z_k, the mean over k of arccos(v_(k+1)·v_k / |v_(k+1)| |v_k|). An angle at
    a step of length 0 counts 0, as in the published code; that code takes the modulus of the
    cosine, the paper does not, nor do we. Sequences of fewer than three tokens are left out.

    Source: Skean et al. 2025, arXiv:2502.02013, after Hosseini, Fedorenko 2023, NeurIPS.
    Class: no labels at all.
    Cost: O(tokens · width).
    Range: 0 … π; independent tokens turn by 2π/3 on average in high dimension.
    Raises ValueError as `each_sequence`.
    """
    return float(np.mean([_turning(rows) for rows in each_sequence(states, sequences, 3)]))


def _turning(rows: Float64[np.ndarray, "rows width"]) -> float:
    largest = np.abs(rows).max()
    steps = np.diff(rows / (largest or 1.0), axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    products = lengths[1:] * lengths[:-1]
    dots = np.einsum("kd,kd->k", steps[1:], steps[:-1])
    cosines = np.divide(dots, products, out=np.ones_like(dots), where=products > 0)
    return float(np.arccos(np.clip(cosines, -1, 1)).mean())


CURVATURE = Signal(
    name="curvature",
    function=curvature,
    labels="none",
    source="arXiv:2502.02013",
    cost="O(N w)",
    needs=("states", "sequences"),
    range=(0.0, np.pi),
)
