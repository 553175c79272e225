"""Gaussian surrogates have the moments of their cloud exactly, and no other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry.surrogates import null_model, surrogate
from tests.surrogates.clouds import residuals_of, texts
from tests.surrogates.test_null_models import QUICK, SEEDS, SHAPES, drawn


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=SEEDS)
@QUICK
def test_a_gaussian_has_the_mean_and_the_covariance_of_the_cloud(shape, seed):
    data = texts(seed % 7, *shape)
    found = drawn("gaussian", seed, data)
    np.testing.assert_allclose(found.mean(axis=0), data.X.mean(axis=0), atol=1e-12)
    scatter = np.cov(data.X.T)
    np.testing.assert_allclose(np.cov(found.T), scatter, atol=1e-12 * scatter.max())


@pytest.mark.parametrize("of", ["token", "none"])
def test_given_its_moments_a_gaussian_is_spread_evenly(of):
    """Of what they leave free: places in the cloud are those of any orthonormal columns."""
    data, draws = texts(n=12, width=3), 1500
    labels = data.tokens if of == "token" else np.zeros(12)
    kind = "token_means" if of == "token" else "gaussian"
    left, sizes, axes = np.linalg.svd(residuals_of(data.X, labels), full_matrices=False)
    drawn_rows = [drawn(kind, seed, data) for seed in range(draws)]
    places = np.array([residuals_of(rows, labels) @ axes.T / sizes for rows in drawn_rows])
    np.testing.assert_allclose(places[0].T @ places[0], left.T @ left, atol=1e-9)
    same = labels[:, None] == labels
    expected = (np.eye(12) - same / same.sum(axis=1)) * 3 / (12 - len(np.unique(labels)))
    assert np.abs(np.einsum("dti,dsi->ts", places, places) / draws - expected).max() < 0.05


def test_a_gaussian_has_no_other_moment_of_the_cloud():
    data = texts(n=60, width=4)
    X = np.exp(data.X / 2)  # skewed
    found = np.concatenate([drawn("gaussian", seed, data, X) for seed in range(300)])
    centred = found - X.mean(axis=0)
    deviations = X.std(axis=0, ddof=1)
    skewness = (centred**3).mean(axis=0) / deviations**3
    assert np.abs(skewness * np.sqrt(len(found) / 6)).max() < 4.5
    assert ((X - X.mean(axis=0)) ** 3).mean(axis=0).max() / deviations.max() ** 3 > 0.5


def massive(seed):
    """A cloud whose first token is a thousand times longer than others, as of language models."""
    X = np.random.default_rng(seed).standard_normal((200, 10)) + 0.5
    X[0] *= 1000
    return X


CLOUDS = [
    lambda seed: texts(seed % 7).X,
    lambda seed: texts(seed % 7, 20, 30).X,  # fewer tokens than coordinates
    massive,
    lambda seed: np.random.default_rng(seed).standard_t(1.5, (150, 5)),  # some tokens hold most
]


@pytest.mark.parametrize("cloud", CLOUDS)
@given(seed=SEEDS)
@QUICK
def test_norms_are_kept_token_by_token_with_mean_and_covariance(cloud, seed):
    X = cloud(seed)
    found = surrogate(X, "gaussian_with_norms", seed)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(X, axis=1), rtol=1e-12)
    scatter, length = np.cov(X.T), np.linalg.norm(X, axis=1).max()
    np.testing.assert_allclose(np.cov(found.T), scatter, atol=1e-7 * scatter.max())
    np.testing.assert_allclose(found.mean(axis=0), X.mean(axis=0), atol=1e-7 * length)


@pytest.mark.parametrize("cloud", CLOUDS)
@given(seed=SEEDS)
@QUICK
def test_what_is_drawn_depends_on_norms_mean_and_covariance_alone(cloud, seed):
    """So a null model of a surrogate draws what that of the cloud does, and finds nothing in it."""
    X = cloud(seed)
    again = surrogate(surrogate(X, "gaussian_with_norms", seed), "gaussian_with_norms", 5)
    length = np.linalg.norm(X, axis=1).max()
    expected = surrogate(X, "gaussian_with_norms", 5)
    np.testing.assert_allclose(again, expected, atol=1e-5 * length)


def test_given_its_norms_a_gaussian_has_no_preferred_direction():
    """Rows of a cloud that is even in all directions are even on their spheres."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3)) * rng.uniform(0.5, 1.5, (40, 1))
    X = (X - X.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(X.T))).T
    model = null_model(X, "gaussian_with_norms")
    ways = (
        np.array([model.surrogate(seed) for seed in range(400)])
        / np.linalg.norm(X, axis=1)[:, None]
    )
    assert np.abs(ways.mean(axis=0)).max() < 0.15  # a standard error is 1/√3 · 1/√400 = .029
    products = np.einsum("dti,dtj->tij", ways, ways) / len(ways)
    assert np.abs(products - np.eye(3) / 3).max() < 0.09  # .015


def test_where_norms_determine_all_it_is_told_that_moments_are_not_kept():
    X = np.random.default_rng(1).standard_normal((50, 1))
    with pytest.warns(UserWarning, match="these 50 tokens too little room"):
        found = surrogate(X, "gaussian_with_norms", 0)
    np.testing.assert_allclose(np.abs(found), np.abs(X), rtol=1e-12)


@given(seed=SEEDS, tokens=st.integers(2, 6), width=st.integers(1, 5), shift=st.sampled_from([0, 9]))
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:gaussian_with_norms")
def test_few_tokens_keep_their_norms(seed, tokens, width, shift):
    X = np.random.default_rng(seed).standard_normal((tokens, width)) + shift
    X[0] = 0
    found = surrogate(X, "gaussian_with_norms", seed)
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=1), np.linalg.norm(X, axis=1), rtol=1e-12, atol=1e-12
    )
