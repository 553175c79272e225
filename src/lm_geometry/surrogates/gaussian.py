"""Surrogates that keep the mean and the covariance of a cloud."""

from collections.abc import Callable

import numpy as np

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.directions import (
    Draw,
    Rows,
    about_mean,
    directions,
    nearest_orthonormal,
)


def gaussian(X: Rows) -> Draw:
    """Draws rows `[tokens, width]` of a Gaussian, given that it has the mean and covariance of X.

    Keeps both exactly (rounding): a draw is a Gaussian sample that is moved least so that its own
    moments are those of X, which is its law given them. A surrogate of a surrogate therefore has
    the law of the first, and what is read of one has no bias against the other; independent rows
    would have moments of their own, whose spread adds to that of X. X and what is returned are
    float64.
    Source: constrained realisations, Theiler, Prichard 1996, Physica D 94; the law, Muirhead 1982,
    *Aspects of multivariate statistical theory*, §2.1.
    Cost: O(tokens · width · min(tokens, width)) time, of the fit and of each draw.
    """
    mean, centred = about_mean(X)
    around_zero = normal_rows(centred)
    return lambda rng: mean + around_zero(centred_normal(X.shape, rng))


def normal_rows(centred: Rows) -> Callable[[Rows], Rows]:
    """Gives standard normal rows the products centredᵀ centred exactly, moving them least.

    The rows `[tokens, width]` are centred as those are. In axes of `centred`, and by the nearest
    orthonormal columns, which is continuous and has no signs to choose: one seed gives two similar
    clouds similar draws.
    """
    _, sizes, axes = directions(centred)
    return lambda rows: (nearest_orthonormal(rows @ axes.T) * sizes) @ axes


def with_norms_of(X: Rows, rows: Rows) -> Rows:
    """`rows` `[tokens, width]`, stretched to the norms of those of X; rows of 0 stay."""
    lengths, wanted = norms(rows), norms(X)
    return rows * np.divide(wanted, lengths, where=lengths > 0, out=np.zeros_like(wanted))[:, None]


def norms(X: Rows) -> Float64[np.ndarray, "tokens"]:
    """Euclidean lengths `[tokens]` of rows whose squares are in range."""
    return np.sqrt(np.einsum("td,td->t", X, X))


def centred_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Rows:
    """Standard normal rows `[tokens, width]`, minus their mean."""
    rows = rng.standard_normal(shape)
    return rows - rows.mean(axis=0)
