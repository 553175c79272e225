"""The maximum likelihood estimate is scikit-dimension's."""

from typing import get_args

import numpy as np
import pytest
import skdim

from lm_geometry import global_dimension, local_dimension
from lm_geometry.dimension import library, mle
from lm_geometry.estimate.params import Library
from lm_geometry.neighbours import neighbour_graph


def cloud(n=300, width=20, dimension=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dimension)) @ rng.standard_normal((dimension, width))


@pytest.mark.parametrize("n_neighbors", [3, 20, 100])
@pytest.mark.parametrize("unbiased", [False, True])
def test_local_and_global_estimates_are_those_of_the_library(n_neighbors, unbiased):
    X = cloud()
    theirs = skdim.id.MLE(unbiased=unbiased).fit(X, n_neighbors=n_neighbors)
    ours = local_dimension(X, n_neighbors, "mle", unbiased=unbiased)
    np.testing.assert_allclose(ours, theirs.dimension_pw_, rtol=1e-9)
    together = global_dimension(X, "mle", n_neighbors=n_neighbors, unbiased=unbiased)
    assert together == pytest.approx(theirs.dimension_, rel=1e-9)


def test_one_graph_serves_every_smaller_neighbourhood():
    X = cloud()
    ours = mle.local_from_graph(neighbour_graph(X, 100), 20)
    np.testing.assert_array_equal(ours, local_dimension(X, 20, "mle"))


def test_copies_are_seen_as_they_are():
    X = cloud()
    X[1] = X[0]
    X[10:20] = X[10]
    estimates = local_dimension(X, 6, "mle")
    assert estimates[0] == 0
    assert estimates[1] == 0
    assert np.isnan(estimates[10:20]).all()


def test_too_few_neighbours_are_refused():
    with pytest.raises(ValueError, match="n_neighbors is 2; the MLE needs at least 3"):
        local_dimension(cloud(), 2, "mle")


@pytest.mark.parametrize("name", ["TLE", "MOM", "CorrInt", "MADA"])
def test_any_estimator_of_the_library_by_its_name(name):
    X = cloud(200)
    with np.errstate(all="ignore"):
        expected = getattr(skdim.id, name)().fit(X).dimension_
    assert global_dimension(X, name) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["TLE", "MOM", "MLE", "CorrInt"])
def test_any_estimator_of_the_library_around_every_token(name):
    X = cloud(60)
    ours = local_dimension(X, 30, name)
    theirs = getattr(skdim.id, name)()
    with np.errstate(all="ignore"):
        fit = theirs.fit_pw if hasattr(theirs, "fit_pw") else theirs.fit
        expected = fit(X, n_neighbors=30).dimension_pw_
    np.testing.assert_allclose(ours, expected, rtol=1e-9)
    assert ours.dtype == np.float64


def test_the_pipeline_offers_every_estimator_of_the_library():
    ours = {"TwoNN", "MLE", "lPCA", "GRIDE"}  # under their own names
    assert set(get_args(Library)) == set(library.names()) - ours


def test_an_estimator_that_draws_at_random_draws_from_its_seed():
    X = cloud(200)
    for seed in (0, 5):
        expected = skdim.id.KNN(random_state=seed, M=2).fit(X).dimension_
        assert global_dimension(X, "KNN", random_state=seed, M=2) == expected
    assert global_dimension(X, "KNN") == global_dimension(X, "KNN", random_state=0)


def test_unknown_names_and_options_are_refused():
    with pytest.raises(ValueError, match=r"estimator is 'MLX'; it must be twonn, .* MLE, MOM"):
        global_dimension(cloud(), "MLX")
    with pytest.raises(ValueError, match="CorrInt has no option 'k3'; it has k1, k2, DM"):
        global_dimension(cloud(), "CorrInt", k3=1)
    with pytest.raises(ValueError, match="mle has no option 'k'; it has n_neighbors, unbiased"):
        global_dimension(cloud(), "mle", k=1)
