"""The delete-a-group jackknife: against its formula by hand, and where the truth is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lm_geometry.statistics import (
    Mean,
    clustered_mean,
    jackknife_variance,
    jackknifed,
    jackknifed_means,
)
from lm_geometry.statistics.jackknifed_correlation import correlation, jackknifed_correlations

SCIPY: dict[str, Callable] = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
}


def dealt(documents: int, groups: int, generator: np.random.Generator) -> np.ndarray:
    """The group of each document."""
    group = np.arange(documents) % groups
    generator.shuffle(group)
    return group


def deletions(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Values `[n, groups]` that do not hang on others: the same, NaN in their own group."""
    return np.where(group[:, None] == np.arange(groups), np.nan, values[:, None])


@settings(max_examples=50)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_of_a_plain_mean_it_is_the_ordinary_standard_error(values: list[float]) -> None:
    """Of n values in n groups (1 - 1/n) sum (mean without i - mean)^2 = s^2 / n: Tukey (1958)."""
    x = np.array(values)
    without = np.array([np.delete(x, i).mean() for i in range(len(x))])
    assert jackknife_variance(without) == pytest.approx(x.var(ddof=1) / len(x), abs=1e-9)


def test_it_is_its_formula_on_a_statistic_that_is_no_mean() -> None:
    x = np.random.default_rng(0).gamma(2, size=40)
    group = np.arange(40) % 8
    without = np.array([np.log(x[group != g]).std() for g in range(8)])
    expected = 0.0
    for one in without:
        expected += (one - sum(without) / 8) ** 2
    found = jackknifed(float(np.log(x).std()), without, 40, 40)
    assert found.standard_error == pytest.approx(math.sqrt(expected * 7 / 8))
    half = stats.t.ppf(0.975, 7) * found.standard_error
    assert found.interval(0.95) == pytest.approx((found.value - half, found.value + half))
    assert (found.degrees, found.error) == (7, "jackknife")


def test_the_draw_of_clouds_adds_its_variance_and_degrees() -> None:
    without, clouds = np.array([1.0, 2.0, 4.0, 5.0]), np.array([2.0, 5.0, np.nan, 3.5])
    both = jackknifed(3.0, without, 9, 9, clouds)
    documents = jackknifed(3.0, without, 9, 9)
    more = np.nanvar(clouds, ddof=1) / 3
    assert both.standard_error**2 == pytest.approx(documents.standard_error**2 + more)
    by_cloud = Mean(0.0, math.sqrt(more), 2.0, 3, 3)
    assert both.degrees == pytest.approx((documents - by_cloud).degrees)
    one = jackknifed(3.0, without, 9, 9, clouds[:1])
    assert one == documents


def test_where_a_deletion_is_missing_there_is_no_interval() -> None:
    for without in (np.array([1.0, np.nan, 2.0]), np.array([1.0]), np.empty(0)):
        found = jackknifed(3.0, without, 9, 9, np.array([1.0, 2.0]))
        assert found.value == 3.0
        assert np.isnan([found.standard_error, found.degrees, *found.interval(0.95)]).all()
    assert jackknifed(3.0, np.array([1.0, 2.0, 3.0]), 9, documents=2).degrees == 1
    assert math.isnan(jackknifed(3.0, np.array([1.0, 2.0, 3.0]), 9, documents=1).degrees)


def test_differences_have_satterthwaites_degrees_and_say_what_their_error_is() -> None:
    own = jackknifed(1.0, np.array([1.0, 3.0, 2.0]), 9, 9)
    other = jackknifed(4.0, np.array([1.0, 9.0, 2.0, 5.0]), 9, 9)
    difference = own - other
    variances = own.standard_error**2, other.standard_error**2
    expected = sum(variances) ** 2 / (variances[0] ** 2 / 2 + variances[1] ** 2 / 3)
    assert difference.degrees == pytest.approx(expected)
    assert difference.error == "jackknife"
    clustered = clustered_mean(np.arange(5.0), np.arange(5))
    assert (own - clustered).error == "jackknife and clustered"


def shared(generator: np.random.Generator, documents: int, groups: int) -> tuple[Mean, Mean]:
    """Jackknifed and clustered mean, of truth 0, of values that hang on all documents.

    Documents have effects of their own, and every token takes on three quarters of the mean effect
    of all documents that are there, as an estimate takes on its neighbours'.
    """
    document = np.repeat(np.arange(documents), generator.integers(5, 15, documents))
    group = dealt(documents, groups, generator)[document]
    effects = generator.normal(size=documents)
    own = 0.25 * effects[document] + generator.normal(size=len(document))
    values = own + 0.75 * effects[document].mean()
    without = np.column_stack(
        [
            np.where(group == g, np.nan, own + 0.75 * effects[document][group != g].mean())
            for g in range(groups)
        ]
    )
    mean = jackknifed(values.mean(), np.nanmean(without, axis=0), len(values), documents)
    return mean, clustered_mean(values, document)


def test_intervals_hold_the_truth_where_values_hang_on_other_documents() -> None:
    held = np.zeros(2)
    for simulation in range(400):
        means = shared(np.random.default_rng([3, simulation]), 30, 10)
        for place, mean in enumerate(means):
            lower, upper = mean.interval(0.95)
            held[place] += lower <= 0 <= upper
    jackknife, clustered = held / 400
    assert jackknife == pytest.approx(0.95, abs=0.033)  # three binomial standard deviations
    assert clustered < 0.6  # which takes a value for its own document's


def test_groups_are_jackknifed_one_by_one() -> None:
    generator = np.random.default_rng(4)
    values, names = generator.normal(size=300), generator.integers(-1, 4, 300)
    document, cloud = generator.integers(0, 12, 300), generator.integers(0, 3, 300)
    values[7] = np.nan
    without = deletions(values, dealt(12, 5, generator)[document], 5).astype(np.float32)
    without += 0.1 * generator.normal(size=without.shape).astype(np.float32)
    without[names == 2] = np.nan  # which has no deletions, as another estimator
    found = jackknifed_means(values, without, names, document, cloud)
    assert found.group.tolist() == [0, 1, 2, 3]
    lower, upper = found.interval(0.9)
    for place, name in enumerate(found.group):
        own = names == name
        clouds = np.array([np.nanmean(values[own & (cloud == c)]) for c in range(3)])
        if name == 2:
            expected = clustered_mean(values[own], document[own])
        else:
            deleted = np.nanmean(without[own].astype(np.float64), axis=0)
            expected = jackknifed(float(np.nanmean(values[own])), deleted, 0, 12, clouds)
        assert found.value[place] == pytest.approx(expected.value)
        assert (lower[place], upper[place]) == pytest.approx(expected.interval(0.9))
    assert found.jackknifed.tolist() == [True, True, False, True]


def related(seed: int, tokens: int = 240) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    document = np.repeat(np.arange(24), tokens // 24)
    x = generator.normal(size=tokens) + 0.5 * generator.normal(size=24)[document]
    y = 0.4 * x + generator.normal(size=tokens) + 0.5 * generator.normal(size=24)[document]
    return x, y, document, dealt(24, 8, generator)[document]


def test_correlations_are_jackknifed_on_fishers_scale() -> None:
    x, y, document, group = related(5)
    x[3], y[9] = np.nan, np.nan
    without = deletions(x, group, 8)
    found = jackknifed_correlations(x, without, y, document)
    for method, expected in SCIPY.items():
        kept = np.isfinite(x) & np.isfinite(y)
        assert found[method].value == pytest.approx(expected(x[kept], y[kept]).statistic)
        left = [kept & (group != g) for g in range(8)]
        z = np.arctanh([expected(x[one], y[one]).statistic for one in left])
        error = math.sqrt(7 / 8 * ((z - z.mean()) ** 2).sum())
        half = stats.t.ppf(0.975, 7) * error
        centre = np.arctanh(found[method].value)
        assert found[method].interval(0.95) == pytest.approx(
            np.tanh([centre - half, centre + half])
        )
        assert (found[method].pairs, found[method].clusters) == (238, 24)


def test_correlations_of_documents_that_depend_hold_the_truth() -> None:
    held = 0
    for simulation in range(300):
        x, y, document, group = related(1000 + simulation)
        found = jackknifed_correlations(x, deletions(x, group, 8), y, document)["pearson"]
        lower, upper = found.interval(0.95)
        held += lower <= 0.4 * 1.25 / math.sqrt(1.25 * (0.16 * 1.25 + 1.25)) <= upper
    assert held / 300 == pytest.approx(0.95, abs=0.038)  # three binomial standard deviations


def test_many_tokens_have_the_interval_of_all_but_for_kendalls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y, document, group = related(6)
    without = deletions(x, group, 8)
    whole = jackknifed_correlations(x, without, y, document)
    monkeypatch.setattr("lm_geometry.statistics.jackknifed_correlation.KENDALL_TOKENS", 120)
    some = jackknifed_correlations(x, without, y, document)
    assert some["kendall"].value == whole["kendall"].value
    assert some["kendall"].interval(0.9) != whole["kendall"].interval(0.9)
    assert some["spearman"] == whole["spearman"]


def test_what_has_no_correlation_has_no_interval() -> None:
    x = np.arange(6.0)
    for method in SCIPY:
        assert math.isnan(correlation(x, np.ones(6), method))
        assert math.isnan(correlation(np.full(6, np.nan), x, method))
    groups = np.arange(6) // 2
    found = jackknifed_correlations(x, deletions(x, groups, 3), x, groups)["pearson"]
    assert found.value == pytest.approx(1)
    assert np.isnan(found.interval(0.95)).all()
