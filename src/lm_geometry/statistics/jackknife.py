"""The delete-a-group jackknife: standard errors of what was computed anew without some documents.

A token's estimate hangs on its neighbours, most of which are of other documents. Errors over
documents that take an estimate for its own document's alone are therefore too small; here a group
of documents is left out whole, as tokens that are averaged and as neighbours.
"""

import numpy as np

from lm_geometry.point_cloud.shapes import Float, Float64
from lm_geometry.statistics.means import Mean, satterthwaite

JACKKNIFE = "jackknife"


def jackknife_variance(
    without: Float[np.ndarray, "*cells groups"],
) -> Float64[np.ndarray, "*cells"]:
    """Variance of estimates from what they are without each of the groups, the last axis.

    With G groups dealt at random and θ₍₋g₎ the estimate without group g it is
    (G − 1)/G · Σ_g (θ₍₋g₎ − mean of them)², the delete-a-group jackknife (Shao & Tu 1995, The
    jackknife and bootstrap, §5.4; Kott 2001, J. Official Statistics 17, 521-526). NaN for fewer
    than two groups, and where one of them has no estimate.
    """
    groups = without.shape[-1]
    if groups < 2:
        return np.full(without.shape[:-1], np.nan)
    values = np.where(np.isfinite(without), without, np.nan).astype(np.float64)
    spread = values - values.mean(axis=-1, keepdims=True)
    return np.asarray((groups - 1) / groups * (spread**2).sum(axis=-1))


def jackknifed(
    value: float,
    without: Float[np.ndarray, "groups"],
    values: int,
    documents: int,
    clouds: Float64[np.ndarray, "clouds"] | None = None,
) -> Mean:
    """An estimate with the standard error of its `jackknife_variance`, on G − 1 degrees of freedom.

    `values` and `documents` are how many it is of. Documents that are in fewer groups than there
    are, as those of one word may be, leave one less than their number. `clouds` are the estimates
    of the S single clouds whose mean it is: with two or more, s²/S is added for the draw of clouds,
    on S − 1 degrees of freedom, and those of the sum are Satterthwaite's (1946). Clouds without an
    estimate are left out. The error is NaN where the variance is.
    """
    variance = float(jackknife_variance(without))
    degrees = min(len(without), documents) - 1.0
    if clouds is not None:
        drawn = clouds[np.isfinite(clouds)]
        if len(drawn) > 1:
            more = float(drawn.var(ddof=1)) / len(drawn)
            degrees = float(satterthwaite(variance, degrees, more, len(drawn) - 1.0))
            variance += more
    if not (np.isfinite(variance) and degrees > 0):
        return Mean(value, float("nan"), float("nan"), values, documents, JACKKNIFE)
    return Mean(value, float(np.sqrt(variance)), degrees, values, documents, JACKKNIFE)
