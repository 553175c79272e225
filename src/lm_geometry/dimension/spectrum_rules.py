"""How many components of a spectrum count: the rules of scikit-dimension's `lPCA`.

Every function takes the eigenvalues of some clouds, largest first, and returns a number for each.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from lm_geometry.point_cloud.shapes import Float64, Real

Spectra = Float64[np.ndarray, "clouds components"]
Counts = Real[np.ndarray, "clouds"]
Rule = Literal["FO", "Fan", "maxgap", "ratio", "participation_ratio", "Kaiser", "broken_stick"]


def fukunaga_olsen(spectra: Spectra, alpha: float = 0.05) -> Counts:
    """How many eigenvalues exceed `alpha` times the largest (Fukunaga, Olsen 1971)."""
    return (spectra > alpha * spectra[:, :1]).sum(axis=1)


def fan(spectra: Spectra, alpha: float = 10, beta: float = 0.8, proportion: float = 0.95) -> Counts:
    """The method of Fan et al. 2010: the first large gap (`alpha`) or enough variance (`beta`).

    The mean of the eigenvalues behind the share `proportion` of the variance is noise, and is
    subtracted first.
    """
    shares = np.cumsum(spectra, axis=1) / spectra.sum(axis=1, keepdims=True)
    noise = np.arange(spectra.shape[1]) >= (shares > proportion).argmax(axis=1)[:, None]
    sigma = (spectra * noise).sum(axis=1) / noise.sum(axis=1)
    signal = spectra - sigma[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = signal[:, :-1] / signal[:, 1:] > alpha
        enough = np.cumsum(signal, axis=1) / signal.sum(axis=1, keepdims=True) > beta
    gap = np.pad(gap, ((0, 0), (0, 1)))
    return 1 + (gap | enough).argmax(axis=1)


def maxgap(spectra: Spectra) -> Counts:
    """The position of the largest ratio between consecutive eigenvalues.

    Around its mean a neighbourhood of no more tokens than coordinates has a last eigenvalue of 0,
    so that the largest gap is the one before it.
    """
    if spectra.shape[1] == 1:
        return np.ones(len(spectra))
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = spectra[:, :-1] / spectra[:, 1:]
    return np.where(np.isnan(gaps), -np.inf, gaps).argmax(axis=1) + 1


def ratio(spectra: Spectra, alpha: float = 0.05) -> Counts:
    """How many components hold the share `alpha` of the variance."""
    sums = np.cumsum(spectra, axis=1)
    return (sums / sums.max(axis=1, keepdims=True) < alpha).sum(axis=1) + 1


def participation_ratio(spectra: Spectra) -> Counts:
    """(Σλ)² / Σλ², between 1 and the number of components."""
    return spectra.sum(axis=1) ** 2 / (spectra**2).sum(axis=1)


def kaiser(spectra: Spectra) -> Counts:
    """How many eigenvalues exceed their mean."""
    return (spectra > spectra.mean(axis=1, keepdims=True)).sum(axis=1)


def broken_stick(spectra: Spectra) -> Counts:
    """How many leading eigenvalues exceed the lengths of a stick broken at random."""
    n = spectra.shape[1]
    stick = np.cumsum((1 / np.arange(1, n + 1))[::-1])[::-1] / n
    below = stick > spectra / spectra.sum(axis=1, keepdims=True)
    return below.argmax(axis=1)


RULES: dict[str, Callable[..., Counts]] = dict(
    zip(
        get_args(Rule),
        (fukunaga_olsen, fan, maxgap, ratio, participation_ratio, kaiser, broken_stick),
        strict=True,
    )
)
