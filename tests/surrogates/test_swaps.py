"""A hybrid has the part that was asked for of one state, and all else of the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from sklearn.linear_model import LinearRegression

from lm_geometry.surrogates import PARTS, swap
from tests.surrogates.clouds import means_of, residuals_of, texts

SEEDS = st.integers(0, 10**6)
QUICK = settings(max_examples=20)


def states(seed=0, n=80, width=6):
    """Two states of the same tokens, and the identity of each token."""
    data, rng = texts(seed, n, width), np.random.default_rng(seed + 1)
    turned = data.X @ (np.eye(width) + 0.3 * rng.standard_normal((width, width)))
    return data.X, turned + np.sin(3 * data.X) + rng.standard_normal(width), data.tokens


@given(seed=SEEDS)
@QUICK
def test_token_means_and_residuals_are_of_the_state_that_was_asked(seed):
    base, later, tokens = states(seed)
    means, residuals = (swap(base, later, part, tokens) for part in ("token_means", "residuals"))
    for found, mean, residual in ((means, later, base), (residuals, base, later)):
        np.testing.assert_allclose(means_of(found, tokens), means_of(mean, tokens), atol=1e-9)
        np.testing.assert_allclose(
            residuals_of(found, tokens), residuals_of(residual, tokens), atol=1e-9
        )
    np.testing.assert_array_equal(residuals, swap(later, base, "token_means", tokens))


@given(seed=SEEDS)
@QUICK
def test_norms_are_of_the_later_state_and_directions_of_base(seed):
    base, later, _ = states(seed)
    found = swap(base, later, "norms")
    lengths = [np.linalg.norm(X, axis=1) for X in (base, later, found)]
    np.testing.assert_allclose(lengths[2], lengths[1], rtol=1e-12)
    np.testing.assert_allclose(found / lengths[2][:, None], base / lengths[0][:, None], atol=1e-12)


@pytest.mark.parametrize("shape", [(80, 6), (20, 30)])  # and fewer tokens than coordinates
@given(seed=SEEDS)
@QUICK
def test_covariance_is_that_of_the_later_state(shape, seed):
    base, later, _ = states(seed, *shape)
    found = swap(base, later, "covariance")
    wanted = np.cov(later.T)
    np.testing.assert_allclose(np.cov(found.T), wanted, atol=1e-9 * np.abs(wanted).max())
    np.testing.assert_allclose(found.mean(axis=0), base.mean(axis=0), atol=1e-9)
    both = np.vstack([base - base.mean(axis=0), found - found.mean(axis=0)])
    assert np.linalg.matrix_rank(np.hstack([both[: shape[0]], both[shape[0] :]]), tol=1e-6) == min(
        shape[1], shape[0] - 1
    )  # an affine map


@pytest.mark.parametrize("seed", range(5))
def test_covariance_comes_by_the_optimal_transport_of_gaussians(seed):
    base, later, _ = states(seed)
    S, R = np.cov(base.T), np.cov(later.T)
    root = sqrtm(S)
    inverse = np.linalg.inv(root)
    expected = inverse @ sqrtm(root @ R @ root) @ inverse  # Olkin, Pukelsheim 1982
    found = swap(base, later, "covariance")
    mean = base.mean(axis=0)
    np.testing.assert_allclose(found - mean, (base - mean) @ expected, atol=1e-8)
    cost = ((found - base) ** 2).sum() / (len(base) - 1)  # Bures, squared
    assert cost == pytest.approx(np.trace(S + R - 2 * sqrtm(root @ R @ root)), rel=1e-8)
    back = swap(found, base, "covariance")
    np.testing.assert_allclose(back, base, atol=1e-8)  # the map is symmetric: back is its inverse


@pytest.mark.parametrize("seed", range(5))
def test_affine_is_the_prediction_of_least_squares(seed):
    base, later, _ = states(seed)
    found = swap(base, later, "affine")
    expected = LinearRegression().fit(base, later).predict(base)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(found.mean(axis=0), later.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose((later - found).T @ base, 0, atol=1e-8)
    flat = np.hstack([base, base[:, :2] @ [[1.0], [2.0]]])  # a coordinate that others tell
    wide = np.hstack([later, later[:, :1]])
    np.testing.assert_allclose(swap(flat, wide, "affine")[:, :6], expected, atol=1e-9)


def test_an_affine_map_fits_noise_as_the_documentation_says():
    rng = np.random.default_rng(0)
    base, later = rng.standard_normal((2, 600, 120))
    explained = 1 - ((later - swap(base, later, "affine")) ** 2).sum() / (later**2).sum()
    assert explained == pytest.approx(120 / 600, abs=0.01)


def test_shares_of_token_means_and_residuals_add_up():
    """For any number of a cloud."""
    base, later, tokens = states()

    def f(X):
        return np.linalg.slogdet(np.cov(X.T))[1] + np.linalg.norm(X, axis=1).max()

    shares = [
        (
            f(swap(base, later, part, tokens))
            - f(base)
            + f(later)
            - f(swap(later, base, part, tokens))
        )
        / 2
        for part in ("token_means", "residuals")
    ]
    assert sum(shares) == pytest.approx(f(later) - f(base), rel=1e-9)


@pytest.mark.parametrize("part", PARTS)
def test_a_swap_with_itself_changes_nothing(part):
    base, _, tokens = states()
    found = swap(base.astype(np.float32), base.astype(np.float32), part, tokens)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, base.astype(np.float32), atol=1e-12)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("power", [-700, 500])
def test_a_swap_of_larger_states_is_as_much_larger(part, power):
    base, later, tokens = states()
    found = swap(np.ldexp(base, power), np.ldexp(later, power), part, tokens)
    expected = swap(base, later, part, tokens)
    np.testing.assert_allclose(np.ldexp(found, -power), expected, rtol=1e-9, atol=1e-12)


def test_bad_input_is_refused():
    base, later, tokens = states()
    with pytest.raises(ValueError, match="part is 'mean'; there are token_means, "):
        swap(base, later, "mean")
    with pytest.raises(ValueError, match="'residuals' needs tokens"):
        swap(base, later, "residuals")
    with pytest.raises(ValueError, match=r"base has shape \(80, 6\) and later \(79, 6\)"):
        swap(base, later[1:], "norms")
    with pytest.raises(ValueError, match=r"tokens has shape \(79,\)"):
        swap(base, later, "norms", tokens[1:])
    with pytest.raises(ValueError, match="at least 2"):
        swap(base[:1], later[:1], "norms")
    with pytest.raises(ValueError, match="NaN or infinite values in 80 rows"):
        swap(base, later * np.nan, "norms")
    nought = np.where(np.arange(80)[:, None] == 7, 0, base)
    with pytest.raises(ValueError, match=r"rows of 0, which have no direction: \[7\]"):
        swap(nought, later, "norms")
    assert not swap(base, nought, "norms")[7].any()
    flat = base * [1, 1, 1, 1, 1, 0]
    with pytest.raises(ValueError, match="later has 6 directions and base 5"):
        swap(flat, later, "covariance")
    few = states(n=20, width=30)
    with pytest.raises(ValueError, match="20 tokens in 30 coordinates: an affine map fits all"):
        swap(*few[:2], "affine")
