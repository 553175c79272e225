"""Clouds that a pipeline meets on a bad day give an answer that says so, or an error that helps."""

import numpy as np
import pytest

from lm_geometry import deduplicate, global_dimension, gride, local_dimension

ESTIMATORS = ("twonn", "lpca", "mle", "ca_pca")
WHOLE = ("l2n2", "bayesian_twonn", "binomial", "correlation")


def cloud(n=300, width=16, dimension=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, dimension)) @ rng.standard_normal((dimension, width))
    return (X + 0.05 * rng.standard_normal((n, width))).astype(np.float32)


@pytest.mark.parametrize(("share", "defined"), [(0.01, 1.0), (0.2, 0.95)])
def test_copies_leave_most_local_estimates_defined(share, defined):
    X = cloud()
    rng = np.random.default_rng(1)
    copies = rng.choice(300, int(share * 300), replace=False)
    X[copies] = X[rng.choice(300, len(copies))]
    local = local_dimension(X, 64)
    assert np.isfinite(local).mean() >= defined
    kept = deduplicate(X)
    assert np.mean(local_dimension(X[kept], 64)) == pytest.approx(
        np.mean(local_dimension(cloud(), 64)), rel=0.05
    )


def test_all_rows_equal_have_no_dimension():
    X = np.ones((50, 8), np.float32)
    for estimator in ESTIMATORS:
        with pytest.warns(RuntimeWarning, match="undefined around each of the 50 tokens"):
            assert np.isnan(local_dimension(X, 10, estimator)).all()
        assert np.isnan(global_dimension(X, estimator))
    with pytest.warns(RuntimeWarning, match="undefined around each"):
        assert np.isnan(local_dimension(X, 10, cdf="(i-1)/n")).all()
    assert np.isnan(gride(X).dimension).all()
    for estimator in WHOLE:
        assert np.isnan(global_dimension(X, estimator))


def test_zero_rows_are_points_like_others():
    X = cloud()
    X[17] = 0
    moved = X + np.float32(1)
    for estimator in ESTIMATORS:
        np.testing.assert_allclose(
            local_dimension(X, 30, estimator), local_dimension(moved, 30, estimator), rtol=1e-3
        )


def test_a_line_has_one_dimension():
    X = np.random.default_rng(0).random((400, 1))
    assert global_dimension(X) == pytest.approx(1, abs=0.15)
    assert np.mean(local_dimension(X, 64)) == pytest.approx(1, abs=0.05)
    assert (local_dimension(X, 64, "lpca") == 1).all()


def test_constant_columns_change_nothing():
    X = cloud()
    with_constants = np.concatenate([X, np.full((300, 3), 1e4, np.float32)], axis=1)
    for estimator in ESTIMATORS[:3]:  # CA-PCA goes on to the width, as published
        np.testing.assert_allclose(
            local_dimension(with_constants, 30, estimator),
            local_dimension(X, 30, estimator),
            rtol=1e-12,
        )


def test_massive_activations_disturb_their_own_tokens_only():
    X = cloud(400)
    clean = local_dimension(X, 30)
    X[[5, 6, 300], 3] = [26000, 25000, -26000]
    disturbed = local_dimension(X, 30)
    assert np.isfinite(disturbed).all()
    assert np.median(np.abs(disturbed / clean - 1)) < 0.02


def test_near_duplicates_lower_the_small_scale_only():
    X = cloud(600)
    X[1::2] = X[::2] + 1e-3 * cloud(300, seed=2)
    result = gride(X, 64)
    assert result.dimension[0] < 1
    assert result.dimension[-1] == pytest.approx(gride(X[::2], 32).dimension[-1], rel=0.1)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [10, 30])
def test_too_few_tokens_are_named(estimator, n):
    with pytest.raises(ValueError, match=f"n_neighbors is 30, but X has {n} tokens"):
        local_dimension(cloud(n), 30, estimator)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_no_cloud_at_all(n):
    for estimate in (global_dimension, gride, local_dimension):
        with pytest.raises(ValueError, match=f"X has {n} tokens; at least 3 are needed"):
            estimate(cloud(5)[:n])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_rows_that_are_not_finite_are_named(estimator):
    X = cloud()
    X[11, 0] = np.nan
    for estimate in (local_dimension, global_dimension):
        with pytest.raises(ValueError, match="NaN or infinite values in 1 rows: 11"):
            estimate(X, estimator=estimator)


@pytest.mark.parametrize("estimator", WHOLE)
def test_a_cloud_whose_rows_are_not_finite_is_named(estimator):
    X = cloud()
    X[[11, 40], 0] = np.inf
    with pytest.raises(ValueError, match="NaN or infinite values in 2 rows: 11, 40"):
        global_dimension(X, estimator)


def test_float16_overflow_is_named():
    X = cloud().astype(np.float16)
    X[4, 4] = np.inf
    with pytest.raises(ValueError, match=r"1 rows: 4 .float16 ends at 65504; store such states"):
        local_dimension(X)
