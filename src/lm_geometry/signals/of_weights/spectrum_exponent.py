"""α of WeightWatcher: the exponent of the tail of the spectra of weight matrices."""

import numpy as np

from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.named_arrays import each_array
from lm_geometry.signals.training_step import Arrays

FEWEST = 10  # positive eigenvalues of a matrix that is fitted


def spectrum_exponent(weights: Arrays, fewest: int = FEWEST) -> float:
    """The mean over matrices of α of ρ(λ) ∝ λ^(−α), the tail of the eigenvalues λ of WᵀW.

    Each W is an array of two axes with at least `fewest` positive eigenvalues; other weights are
    left out. For each eigenvalue but the last as xmin, α = 1 + n / Σ ln(λ / xmin) over the n at or
    above it; the xmin whose distribution is nearest to theirs counts (Kolmogorov–Smirnov, the
    empirical distribution i/n from i = 0, as WeightWatcher has it).

    Source: Martin, Peng, Mahoney 2021, Nature Communications 12:4122 (WeightWatcher); the fit:
    Clauset, Shalizi, Newman 2009, SIAM Review 51:661.
    Class: no labels at all.
    Cost: a singular value decomposition of each matrix, and O(m²) for its m values.
    Range: above 1; 2 … 6 where its authors find trained layers, a random matrix above 6.
    Raises ValueError for no such matrix, for `fewest` below 2, and for NaN or infinite weights.
    """
    if fewest < 2:
        raise ValueError(f"fewest is {fewest}; a tail has at least 2 eigenvalues")
    found = []
    with single_threaded_blas():
        for _, array in each_array(weights, "weights"):
            values = _eigenvalues(array) if array.ndim == 2 else np.empty(0)
            if len(values) >= fewest:
                found.append(tail_exponent(values))
    if not found:
        raise ValueError(f"weights has no matrix of {fewest} positive eigenvalues")
    return float(np.mean(found))


def tail_exponent(values: Float64[np.ndarray, "values"]) -> float:
    """α of positive values, of the tail that a power law fits best; NaN where all are equal.

    Raises ValueError for fewer than two, and for values that are not above 0.
    """
    if len(values) < 2 or not (values > 0).all():
        raise ValueError(f"values are {len(values)}, not all above 0; a tail has 2 positive ones")
    ordered = np.sort(values)
    logarithms = np.log(ordered)
    best, alpha = np.inf, np.nan
    for first in range(len(ordered) - 1):
        above = logarithms[first:] - logarithms[first]
        if (total := float(above.sum())) == 0:
            continue
        found = 1 + len(above) / total
        expected = 1 - np.exp(-(found - 1) * above)
        apart = float(np.abs(expected - np.arange(len(above)) / len(above)).max())
        if apart < best:
            best, alpha = apart, found
    return alpha


def _eigenvalues(matrix: Float64[np.ndarray, "rows columns"]) -> Float64[np.ndarray, "positive"]:
    """Those of WᵀW that rounding alone does not explain."""
    values = np.linalg.svd(matrix, compute_uv=False)
    floor = values[:1].max(initial=0) * max(matrix.shape) * np.finfo(float).eps
    return values[values > floor] ** 2


SPECTRUM_EXPONENT = Signal(
    name="weight_spectrum_exponent",
    function=spectrum_exponent,
    labels="none",
    source="doi:10.1038/s41467-021-24025-8",
    cost="an SVD of each matrix",
    needs=("weights",),
    range=(1.0, np.inf),
)
