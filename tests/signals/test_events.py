"""Events come where their definitions say, and not where sampling or the end would say so."""

import numpy as np
import pytest

from lm_geometry.signals.events import exhausted, generalised, overfitted

STEPS = np.arange(0, 200, 10)


def losses(course: np.ndarray, units: int = 60, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """Each unit has a level of its own, and noise at every step."""
    rng = np.random.default_rng(seed)
    own = rng.random(units)
    return course[:, None] + own + noise * rng.standard_normal((len(course), units))


def test_generalised_is_the_first_step_of_half_accuracy() -> None:
    accuracy = np.linspace(0, 0.95, 20)
    assert generalised(STEPS, accuracy) == 110  # .55; at 100 it is .5 but for rounding
    assert np.isnan(generalised(STEPS, accuracy / 2))


def test_overfitted_is_where_the_loss_leaves_its_least_for_good() -> None:
    course = np.where(STEPS < 80, 2 - STEPS / 80, 1 + (STEPS - 80) / 100)
    assert overfitted(STEPS, losses(course, noise=0.001)) == 90
    # .1 a step, against 2 · .1 · √2 / √60 = .037
    assert overfitted(STEPS, losses(course)) == 90
    assert overfitted(STEPS, losses(course, noise=1.0)) > 100


def test_a_loss_that_falls_or_is_flat_is_no_event() -> None:
    assert np.isnan(overfitted(STEPS, losses(2 - STEPS / 200)))
    flat = [overfitted(STEPS, losses(np.ones(20), seed=seed)) for seed in range(100)]
    # The least of noise is low, so that later ones lie above it; all of them beyond 2 se is rare.
    assert np.isfinite(flat).mean() < 0.2


def test_a_hump_that_comes_back_counts_from_its_last_rise() -> None:
    course = np.r_[np.linspace(2, 1, 6), 1.5, 1.5, 1.01, np.full(11, 1.6)]
    found = overfitted(STEPS, losses(course, noise=0.05))
    assert found in (80, 90)
    short = np.r_[np.linspace(2, 1, 18), 1.5, 1.5]
    assert np.isnan(overfitted(STEPS, losses(short, noise=0.01)))  # two steps do not last
    assert overfitted(STEPS, losses(short, noise=0.01), lasting=2) == 180


def test_documents_make_the_sampling_error_larger() -> None:
    course = np.where(STEPS < 80, 2 - STEPS / 80, 1 + (STEPS - 80) / 1000)
    rng = np.random.default_rng(1)
    shared = np.repeat(rng.standard_normal((20, 4)), 20, axis=1) * 0.1
    values = course[:, None] + shared + 0.001 * rng.standard_normal((20, 80))
    units = overfitted(STEPS, values)
    documents = overfitted(STEPS, values, np.repeat(np.arange(4), 20))
    assert np.isnan(documents) or documents > units


def test_exhausted_is_where_nearly_nothing_is_left_to_gain() -> None:
    score = 1 - np.exp(-STEPS / 40)
    gain = score[-1] - score[0]
    expected = STEPS[np.flatnonzero(score[-1] - score < 0.05 * gain)[0]]
    assert exhausted(STEPS, score) == expected
    late = np.where(STEPS < 150, score, 2.0)
    assert exhausted(STEPS, late) == 150
    assert exhausted(STEPS, np.r_[score[:-1], 0.0]) <= expected + 10  # a last fall takes none back
    assert np.isnan(exhausted(STEPS, -score))


def test_events_of_what_is_no_course_are_refused() -> None:
    with pytest.raises(ValueError, match="losses has shape"):
        overfitted(STEPS, np.ones(20))
    with pytest.raises(ValueError, match="NaN"):
        overfitted(STEPS, np.full((20, 3), np.nan))
    with pytest.raises(ValueError, match="of 1 units"):
        overfitted(STEPS, np.ones((20, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="documents has shape"):
        overfitted(STEPS, np.ones((20, 3)), np.zeros(2))
    with pytest.raises(ValueError, match="score has shape"):
        exhausted(STEPS, np.ones(3))
    with pytest.raises(ValueError, match="left is 0"):
        exhausted(STEPS, np.ones(20), left=0)
    with pytest.raises(ValueError, match="score has NaN"):
        exhausted(STEPS, np.full(20, np.nan))
