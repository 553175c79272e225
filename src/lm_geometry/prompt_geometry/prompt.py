"""The geometry of one prompt over its layers, and what follows from it alone."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lm_geometry.dimension.gride import Gride, from_radii
from lm_geometry.neighbours.loops import compiled, over_rows
from lm_geometry.observables.overlap import overlap_from_indices
from lm_geometry.prompt_geometry.layer import LayerGeometry


@dataclass(frozen=True)
class PromptGeometry:
    """What is kept of one prompt; NaN and −1 stand for what is missing.

    The radii as float32 and the neighbours are 98 bytes a token and layer for the usual 9 ranks and
    31 neighbours; rounding radii to float32 moves GRIDE by about 1e-7 of itself.
    """

    radii: NDArray[np.floating]  # [layers, tokens, ranks 1, 2, 4 …]; NaN for repeated tokens
    neighbours: NDArray[np.int16 | np.int32]  # [layers, tokens, k_max], nearest first
    distinct: NDArray[np.int64]  # [layers], tokens that equal no earlier one
    mean_cosine: NDArray[np.float64]  # [layers], of all pairs with the diagonal, as published
    mean_cosine_off_diagonal: NDArray[np.float64]  # [layers], without it
    cosine_deviation: NDArray[np.float64]  # [layers], standard deviation of all cosines
    cosine_deviation_off_diagonal: NDArray[np.float64]  # [layers]
    angle_to_nearest: NDArray[np.float64]  # [layers], radians, mean over distinct tokens
    angle_between_nearest: NDArray[np.float64]  # [layers], radians, as published (nn_sim)
    missing: tuple[str, ...]  # for each layer what is missing and why, empty if nothing

    @classmethod
    def of(cls, layers: Sequence[LayerGeometry]) -> "PromptGeometry":
        """The prompt from its layers. Raises ValueError if there are none, or of other tokens."""
        if not layers:
            raise ValueError("there are no layers; a prompt has at least one")
        shapes = {(layer.radii.shape, layer.neighbours.shape) for layer in layers}
        if len(shapes) > 1:
            tokens = [len(layer.radii) for layer in layers]
            raise ValueError(f"layers have {tokens} tokens; all layers of a prompt have the same")
        columns = {
            field.name: np.stack([getattr(layer, field.name) for layer in layers])
            for field in fields(cls)
            if field.name != "missing"
        }
        return cls(**columns, missing=tuple(layer.missing for layer in layers))

    def dimension(self) -> Gride:
        """GRIDE at all scales of all layers: `.dimension`, `.error`, `.points` `[layers, scales]`.

        NaN at the scales that a layer has too few distinct tokens for.
        """
        return from_radii(self.radii)

    def overlap(self, first: int, second: int) -> NDArray[np.float64]:
        """χ_k of two layers for k = 1 … k_max, `[k_max]`; NaN where a layer lacks neighbours."""
        shared = np.full(self.neighbours.shape[-1], np.nan)
        near = self.neighbours[first], self.neighbours[second]
        k = min(int((one[0] >= 0).sum()) for one in near)
        if k:
            shared[:k] = overlap_from_indices(near[0][:, :k], near[1][:, :k])
        return shared

    def consecutive_overlap(self) -> NDArray[np.float64]:
        """χ_k of every layer with the next, `[layers − 1, k_max]`."""
        pairs = [self.overlap(layer, layer + 1) for layer in range(len(self.neighbours) - 1)]
        return np.array(pairs).reshape(-1, self.neighbours.shape[-1])

    def reciprocity(self) -> NDArray[np.float64]:
        """For k = 1 … k_max the share of (token, neighbour) pairs that hold both ways.

        `[layers, k_max]`: |E ∩ Eᵀ| / |E| of the directed graph of the k nearest.
        """
        return np.array([reciprocity(near) for near in self.neighbours])


@compiled
def _mutual(near, first, last):
    """How many pairs are neighbours both ways for every k from the larger of their ranks on."""
    entering = np.zeros(near.shape[1], np.int64)
    for token in range(first, last):
        for rank in range(near.shape[1]):
            back = near[near[token, rank]]
            for other in range(near.shape[1]):
                if back[other] == token:
                    entering[max(rank, other)] += 1
                    break
    return entering


def reciprocity(near: NDArray[np.int16 | np.int32]) -> NDArray[np.float64]:
    """The reciprocity for k = 1 … k_max, `[k_max]`, of neighbours `[tokens, k_max]` of one layer.

    NaN for a k that the tokens are too few for (their neighbours are −1).
    """
    shares = np.full(near.shape[1], np.nan)
    k = int((near[0] >= 0).sum())
    if k:
        lists = np.ascontiguousarray(near[:, :k])
        entering = np.sum(over_rows(lambda a, b: _mutual(lists, a, b), len(lists)), axis=0)
        shares[:k] = np.cumsum(entering) / (len(near) * np.arange(1, k + 1))
    return shares
