"""What is kept of one layer of one prompt, and how it is put together from its distinct tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from lm_geometry.embed.prompts.rows import Reduced
from lm_geometry.embed.prompts.window import places
from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.point_cloud.lists import Lists, with_copies
from lm_geometry.point_cloud.shapes import Float64, Int64, Integer

FEWEST = 3  # distinct tokens; two have one distance, and no ratio


@dataclass(frozen=True)
class LayerGeometry:
    """The geometry of one layer of one prompt; NaN and −1 stand for what is missing."""

    radii: Float64[np.ndarray, "tokens ranks"]  # ranks 1, 2, 4 …; NaN for a repeated token
    neighbours: Integer[np.ndarray, "tokens k_max"]  # int16 or int32, nearest first
    distinct: int  # tokens that equal no earlier one
    mean_cosine: float  # of all pairs, a token with itself among them, as published
    mean_cosine_off_diagonal: float  # without those
    cosine_deviation: float  # standard deviations of the same two sets of cosines
    cosine_deviation_off_diagonal: float
    angle_to_nearest: float  # radians, mean angle of a token's vector and its nearest one's
    angle_between_nearest: float  # radians, mean angle at a token between its two nearest
    missing: str  # what is missing and why, empty if nothing


def prompt_of(layers: Sequence[LayerGeometry]) -> PromptGeometry:
    """The prompt from its layers. Raises ValueError if there are none, or of other tokens."""
    if not layers:
        raise ValueError("there are no layers; a prompt has at least one")
    shapes = {(layer.radii.shape, layer.neighbours.shape) for layer in layers}
    if len(shapes) > 1:
        tokens = [len(layer.radii) for layer in layers]
        raise ValueError(f"layers have {tokens} tokens; all layers of a prompt have the same")
    columns = {
        field.name: np.stack([getattr(layer, field.name) for layer in layers])
        for field in fields(PromptGeometry)
        if field.name != "missing"
    }
    return PromptGeometry(**columns, missing=tuple(layer.missing for layer in layers))


def identity_dtype(tokens: int) -> type[np.int16] | type[np.int32]:
    """The smaller integer type that holds −1 and the numbers of all tokens."""
    return np.int16 if tokens <= np.iinfo(np.int16).max else np.int32


def assembled(
    reduced: Reduced | None,
    first: Int64[np.ndarray, "tokens"],
    zero_vectors: int,
    ranks: Int64[np.ndarray, "ranks"],
    k_max: int,
    window: int = 0,
) -> LayerGeometry:
    """The layer from the rows of its distinct tokens, None where they are too few.

    `first` is for each token the first one that equals it. Where there is a window, neighbours of
    a cloud with copies are those of every token.
    """
    n = len(first)
    distinct = np.flatnonzero(first == np.arange(n))
    radii = np.full((n, len(ranks)), np.nan)
    neighbours = np.full((n, k_max), -1, identity_dtype(n))
    cosines: tuple[float, float, float, float] = (np.nan, np.nan, np.nan, np.nan)
    to_nearest, between = np.nan, np.nan
    if reduced is not None:
        radii[distinct, : reduced.radii.shape[1]] = reduced.radii
        k = min(k_max, places(np.arange(n), window).reach)
        near = Lists(reduced.near, reduced.distances)
        whole = len(near.indices) == n
        neighbours[:, :k] = near.indices if whole else with_copies(near, first, k).indices
        if not zero_vectors:
            cosines = _cosines(reduced.cosines, np.bincount(first, minlength=n)[distinct])
            to_nearest = float(reduced.angles[:, 0].mean())
        between = float(reduced.angles[:, 1].mean())
    missing = _reason(n, distinct, zero_vectors, ranks, k_max, window)
    return LayerGeometry(radii, neighbours, len(distinct), *cosines, to_nearest, between, missing)


def _cosines(
    sums: Float64[np.ndarray, "tokens 2"], copies: Int64[np.ndarray, "tokens"]
) -> tuple[float, float, float, float]:
    """Mean and deviation with and without the diagonal, from sums of 1 − cosine and its square."""
    n = int(copies.sum())
    total, squares = copies @ sums
    means, deviations = [], []
    for pairs in (n * n, n * (n - 1)):
        means.append(float(1 - total / pairs))
        deviations.append(float(max(squares / pairs - (total / pairs) ** 2, 0.0) ** 0.5))
    return means[0], means[1], deviations[0], deviations[1]


def _reason(
    tokens: int,
    distinct: Int64[np.ndarray, "distinct"],
    zero_vectors: int,
    ranks: Int64[np.ndarray, "ranks"],
    k_max: int,
    window: int,
) -> str:
    reach, listed = (places(here, window).reach for here in (distinct, np.arange(tokens)))
    outside = f" outside a window of {window}" if window > 1 else ""
    if min(reach, listed) < FEWEST - 1:
        there = f"{len(distinct)} distinct tokens of {tokens}"
        return f"everything: {there}, {FEWEST} are needed{outside}"
    reasons = []
    if reach < ranks[-1]:
        largest = int(ranks[ranks <= reach][-1])
        scales = f"scales above {largest}" if largest > 1 else "all scales"
        there = f"{reach + 1} distinct tokens{outside}"
        reasons.append(f"{scales}: {there}, {ranks[-1] + 1} are needed")
    if listed < k_max:
        reasons.append(f"overlap above k = {listed}: {listed + 1} tokens{outside}")
    if zero_vectors:
        reasons.append(f"cosines and the angle to the nearest: {zero_vectors} zero vectors")
    return "; ".join(reasons)
