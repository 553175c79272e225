"""The correlation integral against all distances of scipy, its slope against scikit-dimension."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist, pdist
from skdim.id import CorrInt

from lm_geometry import correlation_integral, global_dimension
from tests.fixtures.seeded_clouds import CLOUDS

WHOLE = arrays(
    np.float64, st.tuples(st.integers(3, 40), st.integers(1, 4)), elements=st.integers(-3, 3)
)


@settings(max_examples=60)
@given(X=WHOLE, radii=st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0, 1e3]), max_size=5))
def test_pairs_are_counted_once_and_those_at_r_itself_do_not_count(X, radii):
    distances = pdist(X)  # of whole numbers: 1, 2, 3 and 5 are exact
    expected = [np.mean(distances < r) for r in radii]
    np.testing.assert_array_equal(correlation_integral(X, radii), expected)


def test_no_piece_is_counted_twice_in_a_cloud_of_many():
    X = CLOUDS["massive"]()
    distances = pdist(X)
    radii = np.quantile(distances, [0.9, 0.001, 0.3])
    expected = [np.mean(distances < r) for r in radii]
    np.testing.assert_allclose(correlation_integral(X, radii), expected, atol=3 / len(distances))
    assert correlation_integral(X, [1e9]) == [1]
    odd = pdist(X[:399])
    assert correlation_integral(X[:399], [radii[2]]) == [np.mean(odd < radii[2])]


@pytest.mark.parametrize("name", ["spread", "flat", "near copies"])
def test_its_slope_is_that_of_scikit_dimension(name):
    X = CLOUDS[name]()
    theirs = CorrInt(k1=10, k2=20).fit(X).dimension_
    assert global_dimension(X, "correlation") == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("name", list(CLOUDS))
def test_its_radii_are_medians_of_distances_to_neighbours(name):
    X = CLOUDS[name]()
    near = np.sort(cdist(X, X), axis=1)  # the token itself comes first
    radii = np.median(near[:, [2, 50]], axis=0)
    shares = correlation_integral(X, radii * (1 - 1e-12))  # a median may be a distance itself
    slope = np.diff(np.log(shares))[0] / np.log(radii[1] / radii[0])
    found = global_dimension(X, "correlation", k1=2, k2=50)
    assert found == pytest.approx(slope, rel=1e-9)


def test_pairs_alike_do_not_count():
    X, labels = CLOUDS["near copies"](), np.arange(600) // 2
    first, second = np.triu_indices(600, 1)
    apart = labels[first] != labels[second]
    radii = [0.01, 1.5]
    expected = [np.mean(pdist(X)[apart] < r) for r in radii]
    np.testing.assert_array_equal(correlation_integral(X, radii, exclude=labels), expected)
    assert expected[0] == 0 < correlation_integral(X, radii)[0]
    assert np.isnan(correlation_integral(X, radii, exclude=np.zeros(600))).all()


@pytest.mark.parametrize("power", [-1040, -530, 530])
def test_no_size_of_a_cloud_changes_its_shares(power):
    X = np.round(np.random.default_rng(0).standard_normal((40, 3)) * 4096) / 4096
    expected = correlation_integral(X, [0.5, 1, 2])
    found = correlation_integral(np.ldexp(X, power), np.ldexp([0.5, 1, 2], power))
    np.testing.assert_array_equal(found, expected)


def test_copies_alone_have_no_slope():
    assert np.isnan(global_dimension(np.ones((40, 3)), "correlation"))
    X = np.repeat(np.random.default_rng(0).standard_normal((4, 3)), 20, axis=0)
    assert np.isnan(global_dimension(X, "correlation"))
    np.testing.assert_array_equal(correlation_integral(np.ones((5, 2)), [1e-9]), [1])


def test_what_has_no_meaning_is_named():
    X = CLOUDS["spread"]()
    for radii in ([0.0], [-1.0], [np.nan], [np.inf], 1.0, [[1.0]]):
        with pytest.raises(ValueError, match="radii must be a list of positive numbers"):
            correlation_integral(X, radii)
    with pytest.raises(ValueError, match="k1 is 20 and k2 is 20; 1 <= k1 < k2 is needed"):
        global_dimension(X, "correlation", k1=20)
    with pytest.raises(ValueError, match="n_neighbors is 20, but X has 15 tokens"):
        global_dimension(X[:15], "correlation")
    with pytest.raises(ValueError, match="exclude is for estimators that read our neighbours"):
        global_dimension(X, "correlation", exclude=np.arange(600) // 2)
