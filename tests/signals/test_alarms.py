"""Alarms look at no value to come, hold their rate on fresh runs, and lead as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, mannwhitneyu

from lm_geometry.signals import (
    Course,
    combined,
    cusum,
    difference,
    first_alarm,
    signal_named,
    verdict,
)
from lm_geometry.signals.alarm_scores import level, scores_of
from lm_geometry.signals.judged import area
from lm_geometry.signals.thresholds import left_out_thresholds, rate, threshold_of

NUMBERS = st.integers(-(10**6), 10**6).map(lambda whole: whole / 1000)
VALUES = st.lists(st.one_of(NUMBERS, st.sampled_from([0.0, 1.0, np.nan, np.inf])), max_size=40)


@given(VALUES, VALUES, st.sampled_from(["both", "rise", "fall"]), st.floats(0, 10))
@settings(max_examples=150, deadline=None)
def test_later_values_change_no_earlier_score_and_no_alarm(
    values: list[float], later: list[float], side: str, threshold: float
) -> None:
    now, then = cusum(values, side), cusum([*values, *later], side)  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(then[: len(values)], now)
    np.testing.assert_array_equal(level([*values, *later])[: len(values)], level(values))
    steps = np.arange(len(then))
    alarm = first_alarm(steps[: len(now)], now, threshold)
    if not np.isnan(alarm):
        assert first_alarm(steps, then, threshold) == alarm


@given(VALUES, st.integers(-8, 8))
@settings(max_examples=100, deadline=None)
def test_scores_have_no_unit(values: list[float], power: int) -> None:
    x = np.array(values)
    np.testing.assert_array_equal(cusum(x * 2.0**power), cusum(x))
    np.testing.assert_array_equal(cusum(-x, "rise"), cusum(x, "fall"))
    np.testing.assert_array_equal(cusum(x), np.maximum(cusum(x, "rise"), cusum(x, "fall")))
    assert (cusum(x) >= 0).all()


def cusum_by_hand(x: np.ndarray) -> list[float]:
    """Of finite values: the definition, a step at a time."""
    scores, up, down = [0.0], 0.0, 0.0
    for t in range(1, len(x)):
        before = np.abs(np.diff(x[:t]))
        z = 0.0 if len(before) < 5 else (x[t] - x[t - 1]) / (np.median(before) / 0.6744897501960817)
        z = min(max(z, -4.0), 4.0)
        up, down = max(0.0, up + z - 0.5), max(0.0, down - z - 0.5)
        scores.append(max(up, down))
    return scores


def test_the_cusum_is_its_definition() -> None:
    x = np.random.default_rng(0).standard_normal(60).cumsum()
    np.testing.assert_allclose(cusum(x), cusum_by_hand(x), rtol=1e-12)
    gaps = np.insert(x, [7, 30], np.nan)
    kept = np.delete(cusum(gaps), [7, 31])
    np.testing.assert_array_equal(kept, cusum(x))
    assert cusum(gaps)[7] == cusum(gaps)[6]


def test_a_jump_counts_four_and_a_still_series_nothing() -> None:
    assert (cusum(np.ones(20)) == 0).all()
    jump = np.r_[np.ones(20), np.full(3, 9.0)]
    np.testing.assert_allclose(cusum(jump)[-3:], [3.5, 3.0, 2.5])
    assert cusum(jump, "fall")[-3] == 0
    for wrong in ({"side": "up"}, {"allowance": -1.0}, {"largest": 0.2}, {"settled": 0}):
        with pytest.raises(ValueError, match="is"):
            cusum(jump, **wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="a series is"):
        cusum(np.ones((3, 2)))


def test_a_signal_declares_its_rule() -> None:
    values = np.array([np.nan, 1.0, 3.0, 2.0])
    turning = signal_named("d2l_turning_point")
    np.testing.assert_array_equal(scores_of(turning, values), [-np.inf, 1, 3, 2])
    assert first_alarm([0, 10, 20, 30], scores_of(turning, values), turning.published or 0) == 20
    np.testing.assert_array_equal(scores_of(signal_named("rankme"), values), cusum(values))
    assert np.isnan(first_alarm([0, 10], [1.0, 2.0], 2.0))
    with pytest.raises(ValueError, match="steps has shape"):
        first_alarm([0], [1.0, 2.0], 2.0)


def test_thresholds_are_order_statistics_of_other_runs() -> None:
    maxima = np.arange(1.0, 40)
    assert threshold_of(maxima) == 38  # of 39: ⌈40 · .95⌉
    assert threshold_of(maxima[:19]) == 19
    assert threshold_of(maxima[:18]) == np.inf
    assert threshold_of(maxima, share=0.5) == 20
    has_event = maxima > 30
    own = left_out_thresholds(maxima, has_event)
    assert own[35] == threshold_of(maxima[:30]) == 30
    assert own[29] == threshold_of(maxima[:29]) == 29 < maxima[29]
    grouped = left_out_thresholds(maxima, has_event, np.r_[np.zeros(5), np.ones(34)])
    assert grouped[0] == threshold_of(maxima[5:30])
    assert grouped[35] == np.inf  # five runs are too few
    for wrong in (0, 1):
        with pytest.raises(ValueError, match="share is"):
            threshold_of(maxima, share=wrong)
    with pytest.raises(ValueError, match="maxima has NaN"):
        threshold_of([np.nan])
    with pytest.raises(ValueError, match="has 39 runs"):
        left_out_thresholds(maxima, has_event, np.zeros(3))


def test_a_rate_has_the_exact_interval() -> None:
    found = rate(3, 60)
    assert found.lower == pytest.approx(beta.ppf(0.025, 3, 58))
    assert found.upper == pytest.approx(beta.ppf(0.975, 4, 57))
    assert rate(0, 60).lower == 0
    assert np.isnan(rate(0, 0).value)
    with pytest.raises(ValueError, match="count is 4 of 3 runs"):
        rate(4, 3)


def noise(rng: np.random.Generator, steps: int = 50) -> np.ndarray:
    """A signal without an event: it falls, flattens, and has noise."""
    t = np.arange(steps)
    return 5 * np.exp(-t / 6) + 0.3 * rng.standard_normal(steps)


def test_fresh_runs_without_the_event_keep_the_rate() -> None:
    """On average over draws of the runs that choose the threshold: within 3 standard errors."""
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(60):
        threshold = threshold_of([cusum(noise(rng)).max() for _ in range(39)])
        alarms += [cusum(noise(rng)).max() > threshold for _ in range(10)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 600) + 0.02)
    assert np.mean(alarms) > 0.01  # not held by never alarming


def courses(rng: np.random.Generator, runs: int, shift: float, early: int = 10) -> list[Course]:
    """Half with an event at step 30, of which the signal tells by rising `early` steps before."""
    found = []
    for run in range(runs):
        values = noise(rng)
        if has := run % 2 == 0:
            values[30 - early :] += shift * np.arange(1, 21 + early)
        event = 30.0 if has else np.nan
        found.append(Course(np.arange(50.0), cusum(values), event, 50.0))
    return found


def test_a_signal_that_tells_is_found_and_one_that_does_not_is_not() -> None:
    found = verdict(courses(np.random.default_rng(1), 80, shift=1.5), draws=100)
    assert found.detected.value > 0.9
    assert found.detected.lower <= found.detected.value <= found.detected.upper
    assert 0 <= found.false_alarms.value <= 0.075
    assert found.false_alarms.upper > found.false_alarms.value
    assert 3 <= found.lead.value <= 9  # it turned 10 before, and an alarm takes some steps
    assert found.lead_share.value == pytest.approx(found.lead.value / 50)
    assert found.areas[0.1].value == pytest.approx(0.5, abs=0.2)  # step 5: nothing to see yet
    nothing = verdict(courses(np.random.default_rng(2), 80, shift=0.0), draws=100)
    assert nothing.detected.value < 0.2
    assert nothing.areas[0.4].lower < 0.5 < nothing.areas[0.4].upper


def test_a_perfect_signal_has_an_area_of_1_and_leads_by_the_steps_that_it_leads() -> None:
    steps = np.arange(0.0, 1000, 10)
    runs = [
        Course(steps, np.where(steps >= 40 + i if i % 2 else steps < 0, 1.0, 0.0),
               600.0 if i % 2 else np.nan, 1000.0)
        for i in range(60)
    ]  # fmt: skip
    found = verdict(runs, draws=50)
    assert {share: one.value for share, one in found.areas.items()} == {
        0.1: 1.0,
        0.2: 1.0,
        0.4: 1.0,
    }
    assert found.areas[0.4].lower == 1
    assert found.detected[:3] == (1, 1, 1)
    assert found.late.value == 0
    assert found.false_alarms.value == 0
    leads = [600 - 10 * np.ceil((40 + i) / 10) for i in range(1, 60, 2)]
    assert found.lead.value == np.median(leads)
    assert found.threshold == 0


def test_alarms_at_the_event_are_late_and_events_that_have_been_are_not_foretold() -> None:
    steps = np.arange(10.0)
    late = Course(steps, (steps >= 4).astype(float), 4.0, 10.0)
    none = Course(steps, np.zeros(10), np.nan, 10.0)
    found = verdict([late] * 20 + [none] * 20, draws=20)
    assert (found.detected.value, found.late.value) == (0, 1)
    assert np.isnan(found.lead.value)
    assert found.areas[0.2].value == 0.5
    assert found.areas[0.4].runs == 20  # the event is at .4 of the budget
    assert np.isnan(found.areas[0.4].value)


def test_groups_choose_no_threshold_for_themselves() -> None:
    runs = courses(np.random.default_rng(3), 80, shift=1.5)
    apart = verdict(runs, groups=np.arange(80), draws=20)
    plain = verdict(runs, draws=20)
    assert (apart.detected, apart.false_alarms) == (plain.detected, plain.false_alarms)
    assert apart.areas == plain.areas
    assert np.isnan(plain.areas_within[0.4].value)  # no two runs of one group
    alone = verdict(runs, groups=np.zeros(80), draws=20)
    assert alone.detected.value == alone.false_alarms.value == 0  # no other run: no threshold
    assert alone.areas_within == alone.areas


def test_a_signal_that_tells_the_group_alone_tells_nothing_within() -> None:
    """Three of four runs of one group have the event, one of four of the other."""
    rng = np.random.default_rng(9)
    runs, groups = [], np.arange(80) % 2
    for run in range(80):
        event = 30.0 if (run // 2) % 4 < (3 if run % 2 else 1) else np.nan
        scores = groups[run] + 0.1 * rng.random(50)
        runs.append(Course(np.arange(50.0), scores, event, 50.0))
    found = verdict(runs, groups, draws=200)
    assert found.areas[0.4].lower > 0.6
    assert found.areas_within[0.4].lower < 0.5 < found.areas_within[0.4].upper
    pairs = [
        (a.scores[:21].max() > b.scores[:21].max())
        for i, a in enumerate(runs)
        for j, b in enumerate(runs)
        if np.isfinite(a.event) and np.isnan(b.event) and groups[i] == groups[j]
    ]
    assert found.areas_within[0.4].value == np.mean(pairs)


def test_a_difference_is_of_the_same_draws() -> None:
    rng = np.random.default_rng(10)
    good, weak = courses(rng, 80, shift=1.5), courses(rng, 80, shift=0.0)
    found = difference(good, weak, draws=100)
    assert found.detected.value == pytest.approx(
        verdict(good, draws=2).detected.value - verdict(weak, draws=2).detected.value
    )
    assert found.detected.lower > 0.5
    back = difference(weak, good, draws=100)
    assert back.areas[0.4].lower == pytest.approx(-found.areas[0.4].upper)
    same = difference(good, good, draws=20)
    assert same.areas[0.4][:3] == same.detected[:3] == (0, 0, 0)
    with pytest.raises(ValueError, match="different events"):
        difference(good, weak[::-1])


def test_the_area_is_mann_and_whitneys() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 6, 30).astype(float), rng.integers(0, 5, 40).astype(float)
    assert area(one, two) == pytest.approx(mannwhitneyu(one, two).statistic / 1200)
    assert np.isnan(area([], two))


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([Course(np.arange(3.0), np.zeros(3), 1.0, 3.0)] * 3, "3 of 3 runs have the event"),
        ([Course(np.zeros(3), np.zeros(3), e, 3.0) for e in (1.0, np.nan)], "do not rise"),
    ],
)
def test_verdicts_of_nothing_are_refused(runs: list[Course], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        verdict(runs)


def test_a_combination_of_two_half_signals_is_better_than_either() -> None:
    """One tells of half of the events, the other of the other half."""
    rng = np.random.default_rng(4)
    one, two = [], []
    for run in range(120):
        event, first = run % 2 == 0, run % 4 == 0
        kinds = [noise(rng), noise(rng)]
        if event:
            kinds[0 if first else 1][12:] += np.arange(38)
        for into, values in zip((one, two), kinds, strict=True):
            into.append(Course(np.arange(50.0), cusum(values), 40.0 if event else np.nan, 50.0))
    both = verdict(combined([one, two]), draws=20)
    alone = [verdict(each, draws=20) for each in (one, two)]
    assert both.areas[0.4].value > max(each.areas[0.4].value for each in alone) + 0.1
    assert both.detected.value > max(each.detected.value for each in alone) + 0.3
    assert both.false_alarms.value <= 0.075


def test_a_combination_of_noise_has_no_area() -> None:
    """The score of a run is of a fit that never saw it: none of a fit to noise is left."""
    rng = np.random.default_rng(5)
    noisy = [courses(rng, 80, shift=0.0) for _ in range(3)]
    found = verdict(combined(noisy), draws=100)
    assert abs(found.areas[0.4].value - 0.5) < 0.2
    again = combined(noisy)
    np.testing.assert_array_equal(again[5].scores, combined(noisy)[5].scores)


def test_later_values_change_no_earlier_combined_score_of_a_left_out_run() -> None:
    """Given the fit: what comes after a step is not among its features."""
    from lm_geometry.signals.combination import _features

    run = [one[0] for one in (courses(np.random.default_rng(s), 2, 1.0) for s in (6, 7))]
    cut = [c._replace(steps=c.steps[:20], scores=c.scores[:20]) for c in run]
    np.testing.assert_array_equal(_features(run)[:20], _features(cut))


def test_combinations_that_cannot_be_are_refused() -> None:
    some = courses(np.random.default_rng(8), 60, 1.0)
    with pytest.raises(
        ValueError, match="4 signals are too many; 30 runs of the rarer kind allow 3"
    ):
        combined([some] * 4)
    shifted = [c._replace(steps=c.steps + 1) for c in some]
    with pytest.raises(ValueError, match="different steps"):
        combined([some, shifted])
    with pytest.raises(ValueError, match="different events"):
        combined([some, some[::-1]])
    below = [c._replace(scores=c.scores - 9) for c in some]
    with pytest.raises(ValueError, match="0 and more"):
        combined([some, below])
    with pytest.raises(ValueError, match="no signal"):
        combined([])
