"""How many directions a cloud fills: from the eigenvalues of its covariance."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.magnitude import centred_to_one
from lm_geometry.point_cloud.shapes import Float64

FEWEST_FOR_MOMENTS = 4  # tokens: pairs of pairs of different tokens


def spectrum(X: PointCloud) -> Float64[np.ndarray, "components"]:
    """The eigenvalues of the covariance of X `[tokens, width]`, largest first, float64.

    min(tokens, width) of them, divided by tokens − 1. X as `local_dimension` takes it.
    Cost: O(tokens · width · m + m³) time for the smaller m of both; a float64 copy of X.
    Raises ValueError for NaN or infinite values, for fewer than 2 tokens, and where an eigenvalue
    is beyond float64.
    """
    found, power = scaled_spectrum(X)
    with np.errstate(over="ignore"):
        values = np.ldexp(found, -2 * power)
    if not np.isfinite(values).all():
        raise ValueError("X has values whose squares, as eigenvalues are, overflow float64")
    return values


def scaled_spectrum(X: PointCloud) -> tuple[Float64[np.ndarray, "components"], int]:
    """The spectrum of X times a power of two, which nearly always is 2⁰, and that power."""
    centred, power = centred_to_one(as_cloud(X, at_least=2))
    tall = centred.shape[0] >= centred.shape[1]
    products = centred.T @ centred if tall else centred @ centred.T
    return np.maximum(np.linalg.eigvalsh(products)[::-1], 0) / (len(centred) - 1), power


def participation_ratio(X: PointCloud, corrected: bool = False) -> float:
    """(Σλ)² / Σλ² of the eigenvalues of the covariance of X `[tokens, width]`.

    1 for a line, the width for a round cloud. NaN where all rows are equal. Without correction,
    the default, it is the number that is published under this name, from 1 to the width. With
    `corrected` both (Σλ)² and Σλ² are estimated without bias, from products of different tokens
    alone: clouds of different sizes can be compared. That may lie outside 1 … width, and is NaN
    where so few tokens leave nothing of Σλ².

    Source: Gao et al. 2017, bioRxiv 214262 (dimension of population activity). Corrected: the
    unbiased moments of Himeno, Yamada 2014, Journal of Multivariate Analysis 130:27, which are
    those of disjoint rows in Chun et al. 2025, arXiv:2509.26560.
    Cost: as `spectrum`.
    Bias: too low; a round cloud of n tokens and width w reads w n / (w + n). Corrected, none in
    either moment; that of their ratio is left, too high by a quarter of the naive bias for Gaussian
    eigenvalues 1/i, and gone like 1/n. Both take tokens to be independent. A few tokens of huge
    norm decide it alone: see `massive_tokens`.
    Raises ValueError as `spectrum`, and where fewer than 4 tokens are to be corrected.
    """
    if not corrected:
        return ratio_of(scaled_spectrum(X)[0])
    centred, _ = centred_to_one(as_cloud(X, at_least=FEWEST_FOR_MOMENTS))
    tall = centred.shape[0] >= centred.shape[1]
    products = centred.T @ centred if tall else centred @ centred.T
    lengths = np.einsum("td,td->t", centred, centred)
    squares = float(np.einsum("ij,ij->", products, products))
    return corrected_ratio(len(centred), float(lengths.sum()), squares, float(lengths @ lengths))


def ratio_of(values: Float64[np.ndarray, "components"]) -> float:
    """(Σλ)² / Σλ² of eigenvalues λ."""
    with np.errstate(invalid="ignore"):
        return float(values.sum() ** 2 / (values**2).sum())


def corrected_ratio(tokens: int, squares: float, pairs: float, fourths: float) -> float:
    """The ratio of `unbiased_moments`; NaN where nothing is left of Σλ² but rounding."""
    above, below = unbiased_moments(tokens, squares, pairs, fourths)
    trace = squares / (tokens - 1)
    return above / below if below > 16 * np.finfo(float).eps * trace**2 else float("nan")


def unbiased_moments(
    tokens: int, squares: float, pairs: float, fourths: float
) -> tuple[float, float]:
    """Estimates of (Σλ)² and Σλ² without bias, of n tokens whatever they are distributed like.

    From sums over the rows x minus their mean: `squares` is Σ|x|², `pairs` the sum of (x·y)² over
    all ordered pairs, of x with itself too, and `fourths` Σ|x|⁴.
    """
    n = tokens
    trace, square, fourth = squares / (n - 1), pairs / (n - 1) ** 2, fourths / (n - 1)
    factor = (n - 1) / (n * (n - 2) * (n - 3))
    above = 2 * square + (n**2 - 3 * n + 1) * trace**2 - n * fourth
    below = (n - 1) * (n - 2) * square + trace**2 - n * fourth
    return factor * above, factor * below


def effective_rank(X: PointCloud) -> float:
    """exp of the entropy of the eigenvalues, as shares, of the covariance of X `[tokens, width]`.

    From 1 for a line to the width for a round cloud. NaN where all rows are equal. It is of the
    centred cloud and of eigenvalues λ, the squares of singular values: not RankMe, which is of
    singular values of the cloud as it is, and much larger (`rankme`).

    Source: Roy, Vetterli 2007, EUSIPCO: their effective rank of the covariance matrix.
    Cost: as `spectrum`.
    Bias: too low for few tokens, less so than `participation_ratio`, since it counts weak
    directions more. A few tokens of huge norm decide it alone: see `massive_tokens`.
    Raises ValueError as `spectrum`.
    """
    return exp_entropy(scaled_spectrum(X)[0])


def exp_entropy(values: Float64[np.ndarray, "components"], added: float = 0.0) -> float:
    """exp of the entropy of values as shares of their sum, to each of which `added` is added."""
    with np.errstate(invalid="ignore"):
        shares = values / values.sum() + added
    return float(
        np.exp(-np.sum(np.where(shares > 0, shares * np.log(shares + (shares == 0)), shares)))
    )
