"""From the hidden states of one prompt to its geometry, one layer in memory at a time."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Union

import numpy as np

from lm_geometry.embed.prompts.centring import (
    Precision,
    arithmetic,
    centred,
    products,
    squared_lengths,
)
from lm_geometry.embed.prompts.layer import FEWEST, LayerGeometry, assembled, prompt_of
from lm_geometry.embed.prompts.rows import Reduced, no_rows, reduce_rows
from lm_geometry.embed.prompts.window import Places, places
from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.point_cloud.cloud import LARGEST
from lm_geometry.point_cloud.identical import as_grouped_cloud
from lm_geometry.point_cloud.ranks import ranks_up_to
from lm_geometry.point_cloud.shapes import Float, Float64, Int64

if TYPE_CHECKING:
    import torch

Backend = Literal["auto", "own", "torch"]
States = Union[np.ndarray, "torch.Tensor"]  # on any device, [tokens, width]


def prompt_geometry(
    states: Iterable[States],
    range_max: int = 256,
    k_max: int = 31,
    precision: Precision = "float64",
    backend: Backend = "auto",
    window: int = 0,
) -> PromptGeometry:
    """The geometry of one prompt from its hidden states `[layers, tokens, width]`.

    `states` is an array, or yields the layers `[tokens, width]` one by one (their widths may
    differ), numpy or torch on any device; one layer is looked at at a time. The other arguments,
    and what is raised, are those of `layer_geometry`; ValueError names the layer, and is raised as
    well where the layers differ in tokens or there are none.
    """
    layers = []
    for number, layer in enumerate(states):
        try:
            layers.append(layer_geometry(layer, range_max, k_max, precision, backend, window))
        except ValueError as error:
            raise ValueError(f"layer {number} of states: {error}") from None
    return prompt_of(layers)


def layer_geometry(
    X: States,
    range_max: int = 256,
    k_max: int = 31,
    precision: Precision = "float64",
    backend: Backend = "auto",
    window: int = 0,
) -> LayerGeometry:
    """The geometry of the tokens X `[tokens, width]` of one prompt at one layer.

    One product of all pairs of centred tokens gives distances, neighbours and cosines. Tokens with
    the same vector (byte by byte; −0.0 is 0.0) count once for radii and angles, and each for
    neighbours and cosines: they are neighbours of each other at distance 0, ties by index.

    Rows i and j with |i − j| < `window` are no neighbours of each other, of which radii, lists and
    angles are made; 0 and 1 leave out no pair. A repeated token counts for radii and angles where
    it comes first. Ranks are those that every token has neighbours for. Cosines are of all pairs,
    whatever the window.

    With `precision` "float64" the result is exact: where a bound on the rounding errors leaves an
    order open, or a distance by more than 5e-10 of it, differences are measured in float64.
    "float32" makes the product in float32, which gains time at widths in the thousands, and
    settles it in the same way, with a bound that holds with all but certainty: measured on hidden
    states of SmolLM2 and on clouds with coordinates around ±3000, neighbours are the same, and the
    relative differences are below 1e-14 of radii, 1e-12 of GRIDE, 3e-8 of mean cosines and 2e-7 of
    their deviations.

    `backend` is "own" (the CPU), "torch" (the device of X), or "auto": torch for a CUDA tensor.
    Clouds too small for something have NaN there and the reason in `missing`. Raises ValueError for
    another shape, no tokens, NaN or infinite values (rows are named), a `range_max` below 2, a
    `k_max` below 1, a `window` below 0 and unknown names.
    """
    _check(k_max, precision, backend, window)
    ranks = ranks_up_to(range_max)
    if backend == "torch" or (backend == "auto" and _on_cuda(X)):
        from lm_geometry.embed.prompts.on_device import reduced_on_device

        found = reduced_on_device(X, ranks, k_max, precision, window)
    else:
        found = reduced_on_cpu(X, ranks, k_max, precision, window)
    return assembled(*found, ranks, k_max, window)


def _check(k_max: int, precision: str, backend: str, window: int) -> None:
    if k_max < 1:
        raise ValueError(f"k_max is {k_max}; it must be at least 1")
    if window < 0:
        raise ValueError(f"window is {window}; it must be at least 0")
    if precision not in ("float64", "float32"):
        raise ValueError(f"precision is {precision!r}; it must be float64 or float32")
    if backend not in ("auto", "own", "torch"):
        raise ValueError(f"backend is {backend!r}; it must be auto, own or torch")


def _on_cuda(X: States) -> bool:
    return getattr(getattr(X, "device", None), "type", "cpu") == "cuda"


def reduced_on_cpu(
    X: States, ranks: Int64[np.ndarray, "ranks"], k_max: int, precision: Precision, window: int
) -> tuple[Reduced | None, Int64[np.ndarray, "tokens"], int]:
    """(the rows of the distinct tokens, for each token the first equal one, zero vectors).

    The neighbours are those of all tokens where there is a window: copies of a token that are too
    near to one of its places are none to another.
    """
    states, first = as_grouped_cloud(X, at_least=1)
    squares = squared_lengths(states)
    if not squares.max() < LARGEST**2:
        raise ValueError(f"X has values around {np.abs(states).max():.1e}; their squares overflow")
    distinct = np.flatnonzero(first == np.arange(len(first)))
    zero_vectors = int((squares == 0).sum())
    where, every = places(distinct, window), places(np.arange(len(first)), window)
    if min(where.reach, every.reach) < FEWEST - 1:
        return None, first, zero_vectors
    lengths, copies = np.sqrt(squares), np.bincount(first, minlength=len(first)).astype(np.float64)
    if len(distinct) == len(states):
        reduced = _reduced(states, lengths, copies, ranks, k_max, precision, where)
        return reduced, first, zero_vectors
    own = states[distinct], lengths[distinct], copies[distinct]
    reduced = _reduced(*own, ranks, k_max, precision, where)
    if where.window > 1:
        one = np.ones(len(first))
        lists = _reduced(states, lengths, one, ranks[:1], k_max, precision, every)
        reduced = reduced._replace(near=lists.near, distances=lists.distances)
    return reduced, first, zero_vectors


def _reduced(
    states: Float[np.ndarray, "tokens width"],
    lengths: Float64[np.ndarray, "tokens"],
    copies: Float64[np.ndarray, "tokens"],
    ranks: Int64[np.ndarray, "ranks"],
    k_max: int,
    precision: Precision,
    where: Places,
) -> Reduced:
    tokens, points = centred(states, lengths, copies, arithmetic(precision, lengths), where)
    reachable = ranks[ranks <= where.reach]
    reduced = no_rows(len(states), len(reachable), min(k_max, where.reach))
    for start, block in products(points):
        reduce_rows(tokens, start, block, reachable, reduced)
    return reduced
