"""Surrogates that keep the mean and the covariance of a cloud."""

import numpy as np

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.directions import Draw, Rows, about_mean, directions


def gaussian(X: Rows) -> Draw:
    """Draws independent rows `[tokens, width]` of one Gaussian with the mean and covariance of X.

    Keeps both in expectation: as any sample of n tokens, the draw has a mean and a covariance of
    its own about them, O(1/√n). X and what is returned are float64.
    Source: the parametric bootstrap of Efron 1979; for time series Theiler et al. 1992.
    Cost: O(tokens · width · min(tokens, width)) time of the fit, O(tokens · width²) of a draw.
    """
    mean, centred = about_mean(X)
    around_zero = normal_rows(centred, len(X) - 1)
    return lambda rng: mean + around_zero(rng)


def gaussian_with_norms(X: Rows) -> Draw:
    """As `gaussian`, each row stretched to the norm of the row of X that it stands for.

    Keeps the norms |x| exactly (1e-12), token by token; mean and covariance are those of `gaussian`
    before the stretch, and near them after it only where norms vary little.
    Source: the rule is ours. Cost: as `gaussian`.
    """
    draw = gaussian(X)
    return lambda rng: with_norms_of(X, draw(rng))


def normal_rows(centred: Rows, freedom: int) -> Draw:
    """Draws rows of a Gaussian around 0 with the covariance centredᵀ centred / freedom.

    By its symmetric root, which is continuous and has no signs to choose: one seed gives two
    similar clouds similar draws.
    """
    _, sizes, axes = directions(centred)
    root = (axes.T * (sizes / np.sqrt(freedom))) @ axes
    return lambda rng: rng.standard_normal(centred.shape) @ root


def with_norms_of(X: Rows, rows: Rows) -> Rows:
    """`rows` `[tokens, width]`, stretched to the norms of those of X; rows of 0 stay."""
    lengths, wanted = norms(rows), norms(X)
    return rows * np.divide(wanted, lengths, where=lengths > 0, out=np.zeros_like(wanted))[:, None]


def norms(X: Rows) -> Float64[np.ndarray, "tokens"]:
    """Euclidean lengths `[tokens]` of rows whose squares are in range."""
    return np.sqrt(np.einsum("td,td->t", X, X))
