"""Means and intervals of dependent values, against textbook formulas and simulations."""

import math

import numpy as np
import pytest
from scipy import stats

from lm_geometry.statistics import Mean, clustered_mean


def clustered(generator: np.random.Generator, documents: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Values of mean 0 whose documents, of 1 to 30 tokens, have effects of their own."""
    sizes = generator.integers(1, 31, documents)
    document = np.repeat(np.arange(documents), sizes)
    effects = generator.normal(size=documents)
    return effects[document] + generator.normal(size=len(document)), document


def robust_error(values: np.ndarray, document: np.ndarray) -> float:
    """Standard error of the constant of a cluster-robust least-squares fit (CR1, Stata's)."""
    X = np.ones((len(values), 1))
    bread = np.linalg.inv(X.T @ X)
    residuals = values - X @ (bread @ X.T @ values)
    meat = np.zeros((1, 1))
    names = sorted(set(document.tolist()))
    for name in names:
        score = X[document == name].T @ residuals[document == name]
        meat += np.outer(score, score)
    n, k, groups = len(values), 1, len(names)
    correction = groups / (groups - 1) * (n - 1) / (n - k)
    return float(np.sqrt(correction * (bread @ meat @ bread)[0, 0]))


def test_the_standard_error_is_that_of_cluster_robust_least_squares() -> None:
    values, document = clustered(np.random.default_rng(0))
    mean = clustered_mean(values, document * 17 - 5)  # the numbers of documents mean nothing
    assert mean.value == pytest.approx(values.mean(), rel=1e-12)
    assert mean.standard_error == pytest.approx(robust_error(values, document), rel=1e-12)
    assert (mean.values, mean.clusters, mean.degrees) == (len(values), 20, 19)


def test_documents_of_one_token_give_the_ordinary_interval() -> None:
    values = np.random.default_rng(1).gamma(2, size=12)
    interval = clustered_mean(values, np.arange(12)).interval(0.9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert interval == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_dependence_widens_the_interval() -> None:
    values, document = clustered(np.random.default_rng(2))
    apart = clustered_mean(values, np.arange(len(values)))
    assert clustered_mean(values, document).standard_error > 2 * apart.standard_error


def test_intervals_cover_the_true_mean_as_often_as_they_say() -> None:
    covered = 0
    for simulation in range(1000):
        values, document = clustered(np.random.default_rng([7, simulation]), documents=40)
        lower, upper = clustered_mean(values, document).interval(0.95)
        covered += lower <= 0 <= upper
    assert covered / 1000 == pytest.approx(0.95, abs=0.028)  # four binomial standard deviations


def test_a_difference_without_an_effect_is_rarely_found() -> None:
    found = 0
    for simulation in range(1000):
        generator = np.random.default_rng([8, simulation])
        one, other = clustered(generator, documents=40), clustered(generator, documents=25)
        lower, upper = (clustered_mean(*one) - clustered_mean(*other)).interval(0.95)
        found += not lower <= 0 <= upper
    assert found / 1000 == pytest.approx(0.05, abs=0.028)


def test_a_difference_is_welchs() -> None:
    generator = np.random.default_rng(3)
    one, other = generator.normal(1, 3, 9), generator.normal(0, 1, 30)
    difference = clustered_mean(one, np.arange(9)) - clustered_mean(other, np.arange(30))
    expected = stats.ttest_ind(one, other, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert difference.degrees == pytest.approx(expected.df, rel=1e-12)
    assert difference.interval(0.95) == pytest.approx((interval.low, interval.high), rel=1e-10)
    assert (difference.values, difference.clusters) == (39, 39)


def test_undefined_values_are_left_out() -> None:
    values, document = clustered(np.random.default_rng(4))
    holes = values.copy()
    holes[::5] = np.nan
    holes[1] = np.inf
    kept = np.isfinite(holes)
    assert clustered_mean(holes, document) == clustered_mean(values[kept], document[kept])


def test_what_cannot_be_known_is_nan() -> None:
    one_document = clustered_mean(np.array([1.0, 3.0]), np.zeros(2, dtype=np.int64))
    assert one_document.value == 2
    assert math.isnan(one_document.standard_error)
    assert all(map(math.isnan, one_document.interval(0.95)))
    nothing = clustered_mean(np.array([np.nan]), np.zeros(1, dtype=np.int64))
    assert math.isnan(nothing.value)
    assert (nothing.values, nothing.clusters) == (0, 0)
    known = clustered_mean(np.array([1.0, 2.0]), np.arange(2))
    for difference in (known - one_document, one_document - known, known - nothing):
        assert all(map(math.isnan, difference.interval(0.95)))
    same = Mean(1.0, 0.0, 4.0, 5, 5)
    assert (same - same).value == 0
