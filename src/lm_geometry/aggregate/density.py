"""Kernel density of local estimates, computed here because a browser would need every value."""

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.point_cloud.shapes import Float64

GRID = 80


def violin_density(
    values: ArrayLike,
) -> tuple[Float64[np.ndarray, "grid"], Float64[np.ndarray, "grid"]]:
    """Grid of values `[80]` and the density there `[80]`, 1 at its peak; a violin's outline.

    Gaussian kernels with Scott's bandwidth (scipy.stats.gaussian_kde); the grid goes three
    bandwidths beyond the extremes, but not below 0, since dimensions are positive.

    Raises:
        ValueError: fewer than two different finite values.
    """
    from scipy.stats import gaussian_kde

    sample = np.asarray(values, dtype=np.float64).ravel()
    sample = sample[np.isfinite(sample)]
    if sample.size < 2 or np.ptp(sample) == 0:
        raise ValueError("values: a density needs at least two different finite values")
    kernel = gaussian_kde(sample)
    reach = 3 * float(np.sqrt(kernel.covariance[0, 0]))
    low, high = sample.min() - reach, sample.max() + reach
    grid = np.linspace(max(low, 0.0) if sample.min() >= 0 else low, high, GRID)
    density = kernel(grid)
    return grid, density / density.max()
