"""The flat-equivalent dimension of each mean of a table, a second number beside it."""

import numpy as np
import pandas as pd

from lm_geometry.dimension.flat_equivalent import flat_equivalent
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.sizes import size_of, twonn_rule


def flat_equivalents(table: pd.DataFrame, settings: Estimate) -> list[float]:
    """Of each row; NaN where it is no mean of TwoNN, and where the table of flat clouds ends."""
    columns = ["mean", "points", "n_neighbors", "estimator", "level"]
    return [_of(settings, *row) for row in table[columns].itertuples(index=False, name=None)]


def _of(
    settings: Estimate, mean: float, points: float, n_neighbors: float, estimator: str, level: str
) -> float:
    if (level, estimator) != ("token", "twonn"):
        return np.nan
    tokens = int(points)
    rule = twonn_rule(settings)
    try:
        size = size_of(n_neighbors, tokens)
        return flat_equivalent(mean, tokens, size, estimator, **rule).dimension
    except ValueError:  # which says what the table lacks, to those who ask for it alone
        return np.nan
