"""Rank correlation of two curves given the step: what is left once both are known to be trends."""

import numpy as np
from scipy import stats

from lm_geometry.point_cloud.shapes import Float64

Values = Float64[np.ndarray, "steps"]


def partial_spearman(x: Values, y: Values, given: Values) -> float:
    """Spearman's correlation of x and y `[steps]` with that of a third, `given`, taken out.

    The first-order partial correlation of the ranks (Kendall and Stuart 1973, vol. 2, eq. 27.5):
    (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)). NaN with fewer than four values, where one
    of them is constant, and where one is a monotone function of `given`, of which nothing is left.
    """
    if len(x) < 4 or any(np.ptp(one) == 0 for one in (x, y, given)):
        return float("nan")
    a, b, z = (stats.rankdata(one) for one in (x, y, given))
    xy, xz, yz = (float(np.corrcoef(p, q)[0, 1]) for p, q in ((a, b), (a, z), (b, z)))
    left = (1 - xz**2) * (1 - yz**2)
    return float(np.clip((xy - xz * yz) / np.sqrt(left), -1, 1)) if left > 1e-12 else float("nan")
