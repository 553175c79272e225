"""The geometry of one prompt over its layers, as embed keeps it: data alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
