"""Hybrids of two states of the same tokens: one with a single part of the other."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours.labels import numbered
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.magnitude import to_one
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.directions import Rows, about_mean, directions
from lm_geometry.surrogates.gaussian import norms, with_norms_of
from lm_geometry.surrogates.labels import Labels, label_means

Part = Literal["token_means", "residuals", "norms", "covariance", "affine"]
PARTS: tuple[Part, ...] = get_args(Part)
OF_TOKENS = ("token_means", "residuals")


def swap(
    base: PointCloud, later: PointCloud, part: Part, tokens: ArrayLike | None = None
) -> Float64[np.ndarray, "rows width"]:
    """`base` with one part of `later`, both `[tokens, width]`, row i the same token; float64.

    Nothing is drawn. Clouds as `local_dimension` takes them, `tokens` `[tokens]` the identity of
    each, labels of any kind that sorts. By `part`, what comes of `later`; all else is of `base`:

    - "token_means": the mean of each identity
    - "residuals": what is around these means; `swap(later, base, "token_means", tokens)`
    - "norms": the norm of each row, its direction kept
    - "covariance": by the linear map that moves the rows least (optimal transport), mean kept
    - "affine": what the best affine map of `base` makes of it, by least squares; the mean as well

    With f a dimension, the part's share of the change f(later) − f(base) is the mean of both
    orders, ½ [f(swap(base, later)) − f(base) + f(later) − f(swap(later, base))]. For token means
    and residuals these add up to the change.

    Source: Shapley 1953 for the mean of orders; Olkin, Pukelsheim 1982 for the transport.
    Cost: O(tokens · width) time; "covariance" and "affine" O(tokens · width · min(tokens, width)).
    Bias: "affine" fits noise too, width / tokens of what no affine map explains: with 3,000 tokens
    of 576 coordinates a fifth. A few massive tokens rule "covariance" and "affine".
    Raises ValueError for an unknown part, for other shapes, for `tokens` that are needed and not
    there, missing or of another length; for a row of 0 to be given a norm; where `later` has more
    directions than `base` ("covariance"); where tokens are so few that an affine map fits all of
    them; for fewer than 2 tokens, and for NaN or infinite values.
    """
    clouds = [as_cloud(X, at_least=2) for X in (base, later)]
    if clouds[0].shape != clouds[1].shape:
        raise ValueError(
            f"base has shape {clouds[0].shape} and later {clouds[1].shape}; rows must be the same "
            "tokens"
        )
    labels = None if tokens is None else numbered(tokens, "tokens", len(clouds[0]))
    if part not in PARTS:
        raise ValueError(f"part is {part!r}; there are {', '.join(PARTS)}")
    scaled, power = to_one(np.concatenate(clouds))
    first, second = np.split(scaled, 2)
    with single_threaded_blas():
        return np.ldexp(_hybrid(first, second, part, labels), -power)


def _hybrid(base: Rows, later: Rows, part: Part, labels: Labels | None) -> Rows:
    if part in OF_TOKENS:
        if labels is None:
            raise ValueError(f"part {part!r} needs tokens, a label for each row of base")
        first, other = (base, later) if part == "residuals" else (later, base)
        return label_means(first, labels) + (other - label_means(other, labels))
    if part == "norms":
        return _with_norms(base, later)
    return with_covariance(base, later) if part == "covariance" else affine_image(base, later)


def _with_norms(base: Rows, later: Rows) -> Rows:
    if (no := np.flatnonzero((norms(base) == 0) & (norms(later) > 0))).size:
        raise ValueError(f"base has rows of 0, which have no direction: {no[:5].tolist()}")
    return with_norms_of(later, base)


def with_covariance(base: Rows, later: Rows) -> Rows:
    """`base` with the covariance of `later`, both float64 `[tokens, width]`, moved least.

    Keeps the mean of `base`; the covariance is exact (rounding). The map is symmetric where `base`
    has all directions. Of all affine images of `base` with that covariance and mean it is nearest
    to it. Raises ValueError where `later` has more directions than `base`, which no map gives it.
    """
    mean, centred = about_mean(base)
    own, others = directions(centred), directions(about_mean(later)[1])
    if len(others.sizes) > len(own.sizes):
        raise ValueError(
            f"later has {len(others.sizes)} directions and base {len(own.sizes)}: no linear map "
            "gives base its covariance"
        )
    axes = others.sizes[:, None] * others.axes
    left, _, right = np.linalg.svd(axes @ (own.axes.T * own.sizes), full_matrices=False)
    return mean + own.places @ right.T @ left.T @ axes


def affine_image(base: Rows, later: Rows) -> Rows:
    """The affine image of `base` nearest to `later`, both float64 `[tokens, width]`.

    Has the mean of `later`; what is missing is orthogonal to every coordinate of `base`. Raises
    ValueError where `base` has as many directions as its tokens can have: the image is `later`.
    """
    places = directions(about_mean(base)[1]).places
    mean, wanted = about_mean(later)
    if places.shape[1] >= len(base) - 1:
        raise ValueError(
            f"{len(base)} tokens in {base.shape[1]} coordinates: an affine map fits all"
        )
    return mean + places @ (places.T @ wanted)
