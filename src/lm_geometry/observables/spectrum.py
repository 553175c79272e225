"""How many directions a cloud fills: from the eigenvalues of its covariance."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.magnitude import centred_to_one
from lm_geometry.point_cloud.shapes import Float64


def spectrum(X: PointCloud) -> Float64[np.ndarray, "components"]:
    """The eigenvalues of the covariance of X `[tokens, width]`, largest first, float64.

    min(tokens, width) of them, divided by tokens − 1. X as `local_dimension` takes it.
    Cost: O(tokens · width · m + m³) time for the smaller m of both; a float64 copy of X.
    Raises ValueError for NaN or infinite values, for fewer than 2 tokens, and where an eigenvalue
    is beyond float64.
    """
    found, power = _scaled(X)
    with np.errstate(over="ignore"):
        values = np.ldexp(found, -2 * power)
    if not np.isfinite(values).all():
        raise ValueError("X has values whose squares, as eigenvalues are, overflow float64")
    return values


def _scaled(X: PointCloud) -> tuple[Float64[np.ndarray, "components"], int]:
    """The spectrum of X times a power of two, which nearly always is 2⁰, and that power."""
    centred, power = centred_to_one(as_cloud(X, at_least=2))
    tall = centred.shape[0] >= centred.shape[1]
    products = centred.T @ centred if tall else centred @ centred.T
    return np.maximum(np.linalg.eigvalsh(products)[::-1], 0) / (len(centred) - 1), power


def participation_ratio(X: PointCloud) -> float:
    """(Σλ)² / Σλ² of the eigenvalues of the covariance of X `[tokens, width]`, from 1 to the width.

    1 for a line, the width for a round cloud. NaN where all rows are equal.

    Source: Gao et al. 2017, bioRxiv 214262 (dimension of population activity).
    Cost: as `spectrum`.
    Bias: too low; a round cloud of n tokens and width w reads w n / (w + n).
    Raises ValueError as `spectrum`.
    """
    values = _scaled(X)[0]
    with np.errstate(invalid="ignore"):
        return float(values.sum() ** 2 / (values**2).sum())


def effective_rank(X: PointCloud) -> float:
    """exp of the entropy of the eigenvalues, as shares, of the covariance of X `[tokens, width]`.

    From 1 for a line to the width for a round cloud. NaN where all rows are equal.

    Source: Roy, Vetterli 2007, EUSIPCO: their effective rank of the covariance matrix.
    Cost: as `spectrum`.
    Bias: too low for few tokens, less so than `participation_ratio`, since it counts weak
    directions more.
    Raises ValueError as `spectrum`.
    """
    values = _scaled(X)[0]
    with np.errstate(invalid="ignore"):
        shares = values / values.sum()
    return float(
        np.exp(-np.sum(np.where(shares > 0, shares * np.log(shares + (shares == 0)), shares)))
    )
