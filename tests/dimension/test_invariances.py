"""Moves that change nothing about a cloud's shape change none of its estimates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from lm_geometry import (
    global_dimension,
    gride,
    information_imbalance,
    local_dimension,
    neighbourhood_overlap,
)

TOKENS, WIDTH, L = 120, 24, 20
LOCAL = {
    "twonn": lambda X: local_dimension(X, L),
    "twonn (i-1)/n": lambda X: local_dimension(X, L, cdf="(i-1)/n"),
    "twonn mle": lambda X: local_dimension(X, L, fit="mle"),
    "mle": lambda X: local_dimension(X, L, "mle"),
    "lpca": lambda X: local_dimension(X, L, "lpca"),
    "ca_pca": lambda X: local_dimension(X, L, "ca_pca"),
    "lpca participation ratio": lambda X: local_dimension(X, L, "lpca", rule="participation_ratio"),
}
GLOBAL = {
    "twonn": global_dimension,
    "mle": lambda X: global_dimension(X, "mle"),
    "lpca": lambda X: global_dimension(X, "lpca"),
    "l2n2": lambda X: global_dimension(X, "l2n2"),
    "bayesian_twonn": lambda X: global_dimension(X, "bayesian_twonn"),
    "binomial": lambda X: global_dimension(X, "binomial"),
    "correlation": lambda X: global_dimension(X, "correlation"),
    "ca_pca": lambda X: global_dimension(X, "ca_pca"),
    "gride": lambda X: np.concatenate(gride(X, 64)[2:4]),
}
SPECTRAL = (LOCAL["lpca participation ratio"], GLOBAL["lpca"])
EVERY = [pytest.param(f, id=f"local {name}") for name, f in LOCAL.items()]
EVERY += [pytest.param(f, id=f"global {name}") for name, f in GLOBAL.items()]


def made(seed):
    """A cloud `[120, 24]` of 5 dimensions and noise, in steps of 2⁻¹²: 3000 is added exactly."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((TOKENS, 5)) @ rng.standard_normal((5, WIDTH))
    X += 0.1 * rng.standard_normal(X.shape)
    return (np.round(X * 4096) / 4096).astype(np.float32)


CLOUDS = st.integers(0, 2**20).map(made)
often = settings(max_examples=20)
quick = settings(max_examples=4)


@often
@given(CLOUDS, st.randoms(use_true_random=False))
def test_permuting_the_rows_permutes_the_estimates(X, random):
    order = np.array(random.sample(range(TOKENS), TOKENS))
    for estimate in LOCAL.values():
        np.testing.assert_array_equal(estimate(X[order]), estimate(X)[order])


@pytest.mark.parametrize("estimate", EVERY[len(LOCAL) :])
@quick
@given(X=CLOUDS, random=st.randoms(use_true_random=False))
def test_permuting_the_rows_leaves_the_cloud_as_it_is(estimate, X, random):
    order = np.array(random.sample(range(TOKENS), TOKENS))
    np.testing.assert_allclose(estimate(X[order]), estimate(X), rtol=1e-12)


@pytest.mark.parametrize("estimate", EVERY)
@often
@given(X=CLOUDS, first=st.integers(0, WIDTH - 1), step=st.integers(1, WIDTH - 1))
def test_two_coordinates_at_3000_change_nothing(estimate, X, first, step):
    moved = X.copy()
    moved[:, first] += 3000
    moved[:, (first + step) % WIDTH] -= 3000
    # Differences of coordinates are the same to the bit, eigenvalues nearly.
    tolerance = 1e-9 if estimate in SPECTRAL else 0
    np.testing.assert_allclose(estimate(moved), estimate(X), rtol=tolerance)


@pytest.mark.parametrize("estimate", EVERY)
@quick
@given(X=CLOUDS, shift=st.integers(0, 2**20))
def test_moving_the_cloud_changes_nothing(estimate, X, shift):
    far = X.astype(np.float64) + np.random.default_rng(shift).integers(-5000, 5000, WIDTH)
    np.testing.assert_allclose(estimate(far), estimate(X), rtol=1e-9)


@pytest.mark.parametrize("estimate", EVERY)
@quick
@given(X=CLOUDS, seed=st.integers(0, 2**20))
def test_rotating_changes_nothing(estimate, X, seed):
    turned = X.astype(np.float64) @ ortho_group.rvs(WIDTH, random_state=seed)
    np.testing.assert_allclose(estimate(turned), estimate(X), rtol=1e-9)


@pytest.mark.parametrize("estimate", EVERY)
@quick
@given(X=CLOUDS, scale=st.floats(1e-3, 1e3))
def test_scaling_changes_nothing(estimate, X, scale):
    scaled = X.astype(np.float64) * scale
    np.testing.assert_allclose(estimate(scaled), estimate(X), rtol=1e-9)


@pytest.mark.parametrize("estimate", [p for p in EVERY if "ca_pca" not in str(p.id)])
@quick
@given(X=CLOUDS, zeros=st.integers(1, 40))
def test_coordinates_of_zeros_change_nothing(estimate, X, zeros):
    padded = np.pad(X, ((0, 0), (0, zeros)))
    np.testing.assert_allclose(estimate(padded), estimate(X), rtol=1e-9)


@quick
@given(X=CLOUDS, other=CLOUDS, random=st.randoms(use_true_random=False))
def test_what_two_clouds_share_depends_on_neither_order_nor_place_nor_scale(X, other, random):
    order = np.array(random.sample(range(TOKENS), TOKENS))
    moved = X.astype(np.float64) * 7 - 3000
    overlap, imbalance = neighbourhood_overlap(X, other), information_imbalance(X, other)
    np.testing.assert_array_equal(neighbourhood_overlap(X[order], other[order]), overlap)
    np.testing.assert_array_equal(neighbourhood_overlap(moved, other), overlap)
    np.testing.assert_array_equal(neighbourhood_overlap(other, X), overlap)
    assert information_imbalance(X[order], other[order]) == imbalance
    assert information_imbalance(moved, other) == imbalance
    assert information_imbalance(other, X) == imbalance[::-1]
    several = information_imbalance(X, other, 7)
    assert information_imbalance(X[order], other[order], 7) == several
    assert information_imbalance(moved, other, 7) == several
