"""L2N2 against its formula on distances of scipy, and against the law it rests on."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from lm_geometry import global_dimension
from lm_geometry.dimension import l2n2
from tests.fixtures.seeded_clouds import CLOUDS, with_copies


def by_scipy(X):
    distances = cdist(X, X)
    np.fill_diagonal(distances, np.inf)
    nearest, second = np.sort(distances, axis=1)[:, :2].T
    return np.exp(-0.57721566490153286 - np.mean(np.log(np.log(second / nearest))))


@pytest.mark.parametrize("name", ["spread", "near copies"])
def test_it_is_the_formula_on_the_distances_of_scipy(name):
    X = CLOUDS[name]()
    assert global_dimension(X, "l2n2") == pytest.approx(by_scipy(X), rel=1e-9)


@pytest.mark.parametrize("dimension", [1, 7.5, 40])
def test_ratios_that_follow_the_pareto_law_give_its_exponent(dimension):
    ratios = 1 + np.random.default_rng(0).pareto(dimension, 100_000)
    found = l2n2.from_distances(np.column_stack([np.ones_like(ratios), ratios]))
    # The logarithm of an exponential variable has the variance π²/6.
    assert found == pytest.approx(dimension, rel=4 * np.sqrt(np.pi**2 / 6 / 100_000))


def test_ratios_of_copies_and_ties_are_left_out():
    ratios = np.array([1.5, np.inf, 1.0, 1.2, np.nan, 3.0])
    every = np.column_stack([np.ones(6), ratios])
    every[1], every[4] = [0, 2], [0, 0]
    assert l2n2.from_distances(every) == l2n2.from_distances(every[[0, 3, 5]])
    assert np.isnan(l2n2.from_distances(every[[1, 2, 3, 4]]))
    X = with_copies(0.2)
    assert 3 < global_dimension(X, "l2n2") < 2 * global_dimension(with_copies(0), "l2n2")


def test_it_has_no_options():
    with pytest.raises(ValueError, match="l2n2 has no option 'discard'"):
        global_dimension(CLOUDS["spread"](), "l2n2", discard=0.1)
