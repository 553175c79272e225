"""Partial rank correlation, beside the correlation of what a regression leaves of the ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from lm_geometry.statistics.checkpoint_correlation import partial_spearman, spearman

VALUES = arrays(np.float64, st.just(9), elements=st.integers(0, 6).map(float))


@given(x=VALUES, y=VALUES, given_=VALUES)
def test_it_is_the_correlation_of_residuals_of_ranks(
    x: np.ndarray, y: np.ndarray, given_: np.ndarray
) -> None:
    found = partial_spearman(x, y, given_)
    ranks = [stats.rankdata(one) for one in (x, y, given_)]
    design = np.column_stack([np.ones(9), ranks[2]])
    left = [one - design @ np.linalg.lstsq(design, one, rcond=None)[0] for one in ranks[:2]]
    constant = any(np.ptp(one) == 0 for one in (x, y, given_))
    if constant or any(np.abs(one).max() < 1e-9 for one in left):
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-9)


def test_two_trends_that_share_nothing_else_are_uncorrelated_given_the_step() -> None:
    step = np.arange(200.0)
    noise = np.random.default_rng(0).normal(size=(2, 200))
    x, y = step + 10 * noise[0], -step + 10 * noise[1]
    assert spearman(x, y) < -0.9
    assert abs(partial_spearman(x, y, step)) < 0.15


@pytest.mark.parametrize("constant", [0, 1])
def test_what_does_not_vary_or_is_too_short_has_no_rank_correlation(constant: int) -> None:
    pair = [np.array([0.0, 0.25, 1.0]), np.array([2.0, 3.0, 2.5])]  # x varies by 1
    assert spearman(*pair) == pytest.approx(0.5, abs=1e-12)
    assert np.isnan(spearman(*(one[:2] for one in pair)))
    pair[constant] = np.ones(3)
    assert np.isnan(spearman(*pair))
