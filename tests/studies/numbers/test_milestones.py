"""When curves settled, and where they were least, on curves whose answers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.studies.numbers.milestones import milestones

NONE = np.full(6, np.nan)
STEPS = np.array([0.0, 10, 20, 30, 40, 50])


@pytest.mark.parametrize(
    ("values", "errors", "settled"),
    [
        ([0.0, 0.5, 0.94, 0.95, 0.97, 1.0], NONE, 30.0),
        ([10.0, 5.0, 0.4, 0.6, 0.51, 0.0], NONE, 50.0),
        ([10.0, 5.0, 0.4, 0.6, 0.51, 0.0], np.full(6, 0.2), 20.0),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0], NONE, np.nan),
        ([0.0, 1.0, 0.2, 1.0, 1.0, 1.0], NONE, 30.0),  # what it reached once it left again
    ],
)
def test_a_curve_settles_where_it_stays(
    values: list[float], errors: np.ndarray, settled: float
) -> None:
    found = milestones(STEPS, np.array(values), errors)
    assert found.settled == pytest.approx(settled, nan_ok=True)


def test_what_a_curve_rises_by_after_its_least_value() -> None:
    errors = np.array([0.1, 0.1, 0.3, 0.1, 0.1, 0.4])
    found = milestones(STEPS, np.array([9.0, 7.0, 5.0, 6.0, 6.5, 8.0]), errors)
    assert (found.least, found.rise) == (20.0, 3.0)
    assert found.rise_error == pytest.approx(0.5)
    falling = milestones(STEPS, -STEPS, NONE)
    assert (falling.least, falling.rise, falling.rise_error) == (50.0, 0.0, 0.0)


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=12))
def test_from_the_settled_step_on_every_value_is_near_the_last(values: list[int]) -> None:
    steps, curve = np.arange(len(values), dtype=float), np.array(values, float)
    found = milestones(steps, curve, np.full(len(values), np.nan))
    if values[0] == values[-1]:
        assert np.isnan(found.settled)
        return
    near = np.abs(curve - curve[-1]) <= 0.05 * abs(curve[-1] - curve[0])
    at = int(found.settled)
    assert near[at:].all()
    assert at == 0 or not near[at - 1]


def test_a_single_step_is_no_curve() -> None:
    with pytest.raises(ValueError, match="two or more"):
        milestones(STEPS[:1], STEPS[:1], NONE[:1])
