"""Numbers that other libraries read on the same clouds, in environments of their own.

`fixtures/write_dadapy.py` and `fixtures/write_scikit_dimension_0_3_4.py` wrote them.
"""

import json

import numpy as np
import pytest

from lm_geometry import (
    bayesian_twonn,
    global_dimension,
    gride,
    information_imbalance,
    local_dimension,
    neighbour_graph,
    neighbourhood_overlap,
)
from lm_geometry.dimension import binomial
from tests.fixtures.seeded_clouds import CLOUDS, K_MAX, PAIRS, TOKENS, with_copies
from tests.structure import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
DADAPY = json.loads((FIXTURES / "dadapy.json").read_text(encoding="utf-8"))
PUBLISHED = json.loads((FIXTURES / "scikit_dimension_0_3_4.json").read_text(encoding="utf-8"))
EVERY = 6  # the stored tokens


@pytest.mark.parametrize("name", list(CLOUDS))
def test_gride_is_that_of_dadapy_at_every_scale(name):
    ours, theirs = gride(CLOUDS[name](), 256), DADAPY["clouds"][name]["gride"]
    np.testing.assert_array_equal(ours.scale, theirs["scale"])
    np.testing.assert_allclose(ours.dimension, theirs["dimension"], rtol=1e-6)
    np.testing.assert_allclose(ours.error, theirs["error"], rtol=1e-6)


@pytest.mark.parametrize("name", list(CLOUDS))
def test_global_twonn_is_that_of_dadapy(name):
    assert global_dimension(CLOUDS[name]()) == pytest.approx(
        DADAPY["clouds"][name]["twonn"], rel=1e-6
    )


@pytest.mark.parametrize("name", list(CLOUDS))
def test_the_posterior_of_twonn_and_the_binomial_estimate_are_those_of_dadapy(name):
    X, stored = CLOUDS[name](), DADAPY["clouds"][name]
    assert bayesian_twonn(X, 3, 4)[:2] == pytest.approx(stored["posterior"], rel=1e-6)
    found = binomial.from_graph(neighbour_graph(X, 30), 30, 0.8)
    assert found == pytest.approx(stored["binomial"], rel=1e-6)


@pytest.mark.parametrize("name", list(PAIRS))
def test_neighbourhood_overlap_is_that_of_dadapy_for_every_k(name):
    ours = neighbourhood_overlap(*PAIRS[name](), k_max=K_MAX)
    theirs = np.array(DADAPY["pairs"][name]["overlap"])
    pairs = TOKENS * np.arange(1, K_MAX + 1)
    np.testing.assert_array_equal(np.rint(ours * pairs), np.rint(theirs * pairs))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("name", list(PAIRS))
def test_information_imbalance_is_that_of_dadapy_in_both_directions(name):
    assert information_imbalance(*PAIRS[name]()) == pytest.approx(
        DADAPY["pairs"][name]["imbalance"], rel=1e-12
    )


@pytest.mark.parametrize("name", list(PAIRS))
def test_information_imbalance_of_several_neighbours_is_that_of_dadapy(name):
    assert information_imbalance(*PAIRS[name](), k=7) == pytest.approx(
        DADAPY["pairs"][name]["imbalance of 7"], rel=1e-12
    )


@pytest.mark.filterwarnings("ignore:the dimension is undefined")  # of so many copies, by this rule
@pytest.mark.parametrize("share", [0.0, 0.01, 0.2])
def test_the_published_rule_is_that_of_scikit_dimension_0_3_4(share):
    X, stored = with_copies(share), PUBLISHED[str(share)]
    for size, values in stored["local"].items():
        ours = local_dimension(X, int(size), cdf="(i-1)/n")[::EVERY]
        theirs = np.array(values, np.float64)  # null, where the library refuses, becomes NaN
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        assert np.isnan(theirs).any() == (share == 0.2)
    whole = np.array(stored["global"], np.float64)
    np.testing.assert_allclose(global_dimension(X, cdf="(i-1)/n"), whole, rtol=1e-12)


def test_local_estimates_are_those_of_its_fit_pw():
    ours = local_dimension(with_copies(0), 64, cdf="(i-1)/n")[::EVERY]
    np.testing.assert_allclose(ours, PUBLISHED["fit_pw"], rtol=1e-9)
