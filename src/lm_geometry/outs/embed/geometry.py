"""The geometry of one prompt over its layers, as embed keeps it: data alone."""

from dataclasses import dataclass

import numpy as np

from lm_geometry.point_cloud.shapes import Float, Float64, Int64, Integer


@dataclass(frozen=True)
class PromptGeometry:
    """What is kept of one prompt; NaN and −1 stand for what is missing.

    The radii as float32 and the neighbours are 98 bytes a token and layer for the usual 9 ranks and
    31 neighbours; rounding radii to float32 moves GRIDE by about 1e-7 of itself.
    """

    radii: Float[np.ndarray, "layers tokens ranks"]  # ranks 1, 2, 4 …; NaN for repeated tokens
    neighbours: Integer[np.ndarray, "layers tokens k_max"]  # nearest first
    distinct: Int64[np.ndarray, "layers"]  # tokens that equal no earlier one
    mean_cosine: Float64[np.ndarray, "layers"]  # of all pairs with the diagonal, as published
    mean_cosine_off_diagonal: Float64[np.ndarray, "layers"]  # without it
    cosine_deviation: Float64[np.ndarray, "layers"]  # standard deviation of all cosines
    cosine_deviation_off_diagonal: Float64[np.ndarray, "layers"]
    angle_to_nearest: Float64[np.ndarray, "layers"]  # radians, mean over distinct tokens
    angle_between_nearest: Float64[np.ndarray, "layers"]  # radians, as published (nn_sim)
    missing: tuple[str, ...]  # for each layer what is missing and why, empty if nothing
