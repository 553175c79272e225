"""Means and intervals of dependent values, against textbook formulas and simulations."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from lm_geometry.statistics import (
    Mean,
    adjusted_p_values,
    between_runs,
    clustered_mean,
    grouped_means,
    standardised_by_documents,
    standardised_by_tokens,
)
from lm_geometry.statistics.correlation import clustered_correlations


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


def test_p_values_are_students() -> None:
    values = np.random.default_rng(5).normal(0.4, 1, 14)
    mean = clustered_mean(values, np.arange(14))
    assert mean.p_value() == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-12)
    lower, upper = mean.interval(1 - mean.p_value())
    assert min(abs(lower), abs(upper)) == pytest.approx(0, abs=1e-12)
    assert math.isnan(Mean(1.0, math.nan, math.nan, 3, 1).p_value())
    assert math.isnan(Mean(1.0, 0.0, 4.0, 5, 5).p_value())  # nothing varied: no test is made


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=14, unique=True)
)
def test_correlations_with_ties_are_scipys(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, float).T
    assume(min(len({*x}), len({*y})) > 1)
    alone = np.arange(len(x))
    found = clustered_correlations(x, y, alone, np.ones((len(x), 1)))
    expected = [stats.pearsonr(x, y)[0], stats.spearmanr(x, y)[0], stats.kendalltau(x, y)[0]]
    values = [found[name].value for name in ("pearson", "spearman", "kendall")]
    assert values == pytest.approx(expected, abs=1e-12)


def test_one_cloud_changes_nothing() -> None:
    values, document = clustered(np.random.default_rng(6))
    cloud = np.full(len(values), 7)
    assert clustered_mean(values, document, cloud) == clustered_mean(values, document)


def test_crossed_documents_and_clouds_are_the_analysis_of_variance() -> None:
    generator = np.random.default_rng(9)
    G, S = 12, 5
    table = generator.normal(size=(G, 1)) + generator.normal(size=S) + generator.normal(size=(G, S))
    document, cloud = np.repeat(np.arange(G), S), np.tile(np.arange(S), G)
    mean = clustered_mean(table.ravel(), document, cloud)
    rows, columns, whole = table.mean(axis=1), table.mean(axis=0), table.mean()
    by_document = S * ((rows - whole) ** 2).sum() / (G - 1)
    by_cloud = G * ((columns - whole) ** 2).sum() / (S - 1)
    rest = ((table - rows[:, None] - columns + whole) ** 2).sum() / (G - 1) / (S - 1)
    of_documents, of_clouds = by_document / (G * S), (by_cloud - rest) / (G * S)
    variance = of_documents + of_clouds
    assert mean.value == pytest.approx(whole)
    assert mean.standard_error == pytest.approx(np.sqrt(variance), rel=1e-12)
    shares = [of_documents / variance, of_clouds / variance]
    assert 1 / mean.degrees == pytest.approx(np.dot(shares, [1 / (G - 1), 1 / (S - 1)]), rel=1e-12)


def test_clouds_never_narrow_an_interval() -> None:
    for simulation in range(50):
        generator = np.random.default_rng([10, simulation])
        values, document = clustered(generator)
        cloud = generator.integers(0, 3, len(values))
        with_clouds, without = (
            clustered_mean(values, document, cloud),
            clustered_mean(values, document),
        )
        assert with_clouds.standard_error >= without.standard_error


def test_groups_have_the_means_of_each_alone() -> None:
    values, document = clustered(np.random.default_rng(11), documents=30)
    groups = np.random.default_rng(12).integers(-1, 6, len(values))
    values[::7] = np.nan
    groups[:2] = 99  # a group of a single document
    found = grouped_means(values, groups, document)
    assert found.group.tolist() == [0, 1, 2, 3, 4, 5, 99]
    lower, upper = found.interval(0.9)
    for i, group in enumerate(found.group):
        alone = clustered_mean(values[groups == group], document[groups == group])
        assert (found.values[i], found.clusters[i]) == (alone.values, alone.clusters)
        expected = (alone.value, alone.standard_error, *alone.interval(0.9))
        got = (found.value[i], found.standard_error[i], lower[i], upper[i])
        assert got == pytest.approx(expected, rel=1e-12, nan_ok=True)


def mean_of(value: float, error: float, degrees: float) -> Mean:
    return Mean(value, error, degrees, 100, 10)


def test_runs_that_were_drawn_apart_are_averaged_with_students_t() -> None:
    values = [-0.8, -1.1, -0.4, -0.9]
    mean = between_runs([mean_of(value, 0.05, 20) for value in values])
    expected = stats.ttest_1samp(values, 0)
    interval = expected.confidence_interval(0.95)
    assert mean.interval(0.95) == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert mean.p_value() == pytest.approx(expected.pvalue, rel=1e-12)
    assert (mean.values, mean.clusters, mean.degrees) == (400, 4, 3)
    missing = between_runs([mean_of(1.0, 0.1, 9), mean_of(math.nan, math.nan, math.nan)])
    assert missing.value == 1
    assert all(map(math.isnan, missing.interval(0.95)))
    assert math.isnan(between_runs([]).value)


def test_effect_sizes_name_their_unit() -> None:
    before = np.array([10.0, 12.0, 11.0, 14.0, 9.0])
    after = np.array([9.0, 11.5, 9.0, 12.0, np.nan])
    document = np.array([0, 0, 1, 2, 2])
    by_document = [-0.75, -2.0, -2.0]
    assert standardised_by_documents(after - before, document) == pytest.approx(
        np.mean([-1.0, -0.5, -2.0, -2.0]) / np.std(by_document, ddof=1)
    )
    spread = np.sqrt((np.var(before[:4], ddof=1) + np.var(after[:4], ddof=1)) / 2)
    assert standardised_by_tokens(before, after) == pytest.approx(-1.375 / spread)
    assert math.isnan(standardised_by_documents(after - before, np.zeros(5, dtype=np.int64)))
    assert math.isnan(standardised_by_tokens(before[:1], after[:1]))
    assert math.isnan(standardised_by_tokens(np.ones(3), np.ones(3)))


def test_p_values_are_adjusted_for_how_many_there_are() -> None:
    given = np.array([0.04, 0.001, np.nan, 0.03, 0.5])
    # sorted .001 .03 .04 .5 times 4/1 4/2 4/3 4/4, then the smallest from each on
    expected = [0.04 * 4 / 3, 0.004, np.nan, 0.04 * 4 / 3, 0.5]
    np.testing.assert_allclose(adjusted_p_values(given), expected)
    assert np.isnan(adjusted_p_values([np.nan, np.nan])).all()
