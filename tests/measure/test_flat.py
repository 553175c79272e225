"""A measurement's table has the flat-equivalent dimension beside each mean that has one."""

import numpy as np
import pandas as pd
import pytest

from lm_geometry import flat_equivalent
from lm_geometry.estimate.params import Estimate
from lm_geometry.measure.flat import flat_equivalents

ROWS = [
    {"level": "token", "estimator": "twonn", "mean": 9.0, "points": 3000, "n_neighbors": 128.0},
    {"level": "token", "estimator": "twonn", "mean": 9.0, "points": 2000, "n_neighbors": 0.05},
    {"level": "token", "estimator": "twonn", "mean": 9.0, "points": 300, "n_neighbors": 64.0},
    {"level": "token", "estimator": "twonn", "mean": np.nan, "points": 3000, "n_neighbors": 64.0},
    {"level": "token", "estimator": "mle", "mean": 9.0, "points": 3000, "n_neighbors": 128.0},
    {
        "level": "cloud",
        "estimator": "rankme",
        "mean": 90.0,
        "points": np.nan,
        "n_neighbors": np.nan,
    },
]


@pytest.mark.parametrize("cdf", ["i/n", "(i-1)/n"])
def test_each_mean_of_twonn_that_the_table_has_is_looked_up(cdf: str) -> None:
    found = flat_equivalents(pd.DataFrame(ROWS), Estimate.model_validate({"cdf": cdf}))
    asked = [flat_equivalent(9.0, n, size, cdf=cdf) for n, size in ((3000, 128), (2000, 100))]
    np.testing.assert_array_equal(found[:2], [one.dimension for one in asked])
    assert np.isnan(found[2:]).all()


def test_other_rules_have_none() -> None:
    settings = Estimate.model_validate({"fit": "mle"})
    assert np.isnan(flat_equivalents(pd.DataFrame(ROWS), settings)).all()
