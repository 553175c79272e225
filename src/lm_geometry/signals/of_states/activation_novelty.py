"""Activation novelty: how evenly the units of a layer's MLP are used."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.signals.declaration import Signal


def activation_novelty(activations: PointCloud) -> float:
    """The entropy of the units' mean |activation| as shares, over its largest value, ln units.

    `activations` `[tokens, units]` are outputs of an MLP; p_j = Σ_t |a_tj| / Σ, −Σ p ln p / ln
    units.

    Source: pull request 5553 of unslothai/unsloth (2026): a proposal without evidence.
    Class: no labels at all.
    Cost: O(tokens · units).
    Range: 0, one unit alone, … 1, all alike.
    Raises ValueError as `as_cloud`, for fewer than two units, and where all are 0.
    """
    points = as_cloud(activations, 1)
    if points.shape[1] < 2:
        raise ValueError("activations has 1 unit; an entropy needs at least 2")
    sizes = np.abs(points).mean(axis=0, dtype=np.float64)
    if not sizes.any():
        raise ValueError("activations are all 0, which no unit has a share of")
    shares = sizes[sizes > 0] / sizes.sum()
    entropy = float(-(shares * np.log(shares)).sum() / np.log(points.shape[1]))
    return min(max(entropy, 0.0), 1.0)


ACTIVATION_NOVELTY = Signal(
    name="activation_novelty",
    function=activation_novelty,
    labels="none",
    source="unslothai/unsloth#5553",
    cost="O(N units)",
    needs=("activations",),
    range=(0.0, 1.0),
)
