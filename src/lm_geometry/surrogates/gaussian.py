"""Surrogates that keep the mean and the covariance of a cloud."""

from collections.abc import Callable

import numpy as np

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.directions import Draw, Rows, about_mean, directions

ROUNDS = 5  # of norms, then moments
WELL = 1e-3  # smallest over largest eigenvalue of products from which they have digits enough


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
    return lambda rng: mean + around_zero(_centred(rng.standard_normal(X.shape)))


def gaussian_with_norms(X: Rows) -> Draw:
    """As `gaussian`, each row stretched to the norm of the row of X that it stands for.

    Keeps the norms |x| exactly (1e-12), token by token, mean and covariance nearly: stretching
    moves them, and so they are set again, five times in turn, the norms last.
    Source: alternating constraints, as in the surrogates of Schreiber, Schmitz 1996, PRL 77.
    Cost: as `gaussian`, six times.
    """
    mean, centred = about_mean(X)
    _, sizes, axes = directions(centred)

    def draw(rng: np.random.Generator) -> Rows:
        places = _centred(rng.standard_normal(X.shape)) @ axes.T
        for _ in range(ROUNDS):
            rows = with_norms_of(X, mean + (_orthonormal(places) * sizes) @ axes)
            places = _centred(rows) @ axes.T / sizes
        return with_norms_of(X, mean + (_orthonormal(places) * sizes) @ axes)

    return draw


def normal_rows(centred: Rows) -> Callable[[Rows], Rows]:
    """Gives standard normal rows the products centredᵀ centred exactly, moving them least.

    The rows `[tokens, width]` are centred as those are. In axes of `centred`, and by the nearest
    orthonormal columns, which is continuous and has no signs to choose: one seed gives two similar
    clouds similar draws.
    """
    _, sizes, axes = directions(centred)
    return lambda rows: (_orthonormal(rows @ axes.T) * sizes) @ axes


def with_norms_of(X: Rows, rows: Rows) -> Rows:
    """`rows` `[tokens, width]`, stretched to the norms of those of X; rows of 0 stay."""
    lengths, wanted = norms(rows), norms(X)
    return rows * np.divide(wanted, lengths, where=lengths > 0, out=np.zeros_like(wanted))[:, None]


def norms(X: Rows) -> Float64[np.ndarray, "tokens"]:
    """Euclidean lengths `[tokens]` of rows whose squares are in range."""
    return np.sqrt(np.einsum("td,td->t", X, X))


def _centred(rows: Rows) -> Rows:
    return rows - rows.mean(axis=0)


def _orthonormal(
    places: Float64[np.ndarray, "tokens rank"],
) -> Float64[np.ndarray, "tokens rank"]:
    """The nearest matrix of orthonormal columns, the polar factor; of normal ones it is uniform."""
    values, vectors = np.linalg.eigh(places.T @ places)
    if not len(values):
        return places
    if values[0] > WELL * values[-1]:
        return places @ ((vectors / np.sqrt(values)) @ vectors.T)
    left, _, right = np.linalg.svd(places, full_matrices=False)
    return left @ right
