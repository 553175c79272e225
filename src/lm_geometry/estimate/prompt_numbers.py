"""What follows from the geometry that was kept of a prompt: numbers of each of its layers."""

import numpy as np

from lm_geometry.dimension.gride import Gride, from_radii
from lm_geometry.observables.overlap import overlap_from_indices
from lm_geometry.observables.reciprocity import reciprocity_from_indices
from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.point_cloud.shapes import Float64


def dimension(prompt: PromptGeometry) -> Gride:
    """GRIDE at all scales of all layers: `.dimension`, `.error`, `.points` `[layers, scales]`.

    NaN at the scales that a layer has too few distinct tokens for.
    """
    return from_radii(prompt.radii)


def overlap(prompt: PromptGeometry, first: int, second: int) -> Float64[np.ndarray, "k_max"]:
    """χ_k of two layers for k = 1 … k_max; NaN where a layer lacks neighbours."""
    shared = np.full(prompt.neighbours.shape[-1], np.nan)
    near = prompt.neighbours[first], prompt.neighbours[second]
    k = min(int((one[0] >= 0).sum()) for one in near)
    if k:
        shared[:k] = overlap_from_indices(near[0][:, :k], near[1][:, :k])
    return shared


def consecutive_overlap(prompt: PromptGeometry) -> Float64[np.ndarray, "pairs k_max"]:
    """χ_k of every layer with the next, one pair less than layers."""
    pairs = [overlap(prompt, layer, layer + 1) for layer in range(len(prompt.neighbours) - 1)]
    return np.array(pairs).reshape(-1, prompt.neighbours.shape[-1])


def reciprocity(prompt: PromptGeometry) -> Float64[np.ndarray, "layers k_max"]:
    """For k = 1 … k_max the share of (token, neighbour) pairs that hold both ways.

    NaN for a k that the tokens are too few for (their neighbours are −1).
    """
    shares = np.full((len(prompt.neighbours), prompt.neighbours.shape[-1]), np.nan)
    for layer, near in enumerate(prompt.neighbours):
        k = int((near[0] >= 0).sum())
        if k:
            shares[layer, :k] = reciprocity_from_indices(near[:, :k])
    return shares
