"""When curves settled, and where they were least, on curves whose answers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.studies.numbers.milestones import FEWEST, milestones

STEPS = np.array([0.0, 10, 20, 30, 40, 50])


def exact(i: int, j: int) -> float:
    return 0.0


def fifth(i: int, j: int) -> float:
    return 0.2


@pytest.mark.parametrize(
    ("values", "error", "settled"),
    [
        ([0.0, 0.5, 0.94, 0.96, 0.97, 1.0], exact, 30.0),
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], exact, np.nan),  # still on its way
        ([10.0, 5.0, 0.4, 0.6, 0.51, 0.0], exact, np.nan),
        ([10.0, 5.0, 0.4, 0.6, 0.51, 0.0], fifth, 20.0),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0], exact, np.nan),
        ([0.0, 1.0, 0.2, 1.0, 1.0, 1.0], exact, 30.0),  # what it reached once it left again
        ([9.0, 3.0, 6.0, 9.0, 8.9, 9.0], exact, 30.0),  # came back to where it had begun
    ],
)
def test_a_curve_settles_where_it_stays(values: list[float], error: object, settled: float) -> None:
    found = milestones(STEPS, np.array(values), error)  # pyright: ignore[reportArgumentType]
    assert found.settled == pytest.approx(settled, nan_ok=True)


def test_what_a_curve_rises_by_after_its_least_value() -> None:
    def error(i: int, j: int) -> float:
        return 10.0 * i + j

    found = milestones(STEPS, np.array([9.0, 7.0, 5.0, 6.0, 6.5, 8.0]), error)
    assert (found.least, found.rise, found.rise_error) == (20.0, 3.0, 25.0)
    falling = milestones(STEPS, -STEPS, error)
    assert (falling.least, falling.rise, falling.rise_error) == (50.0, 0.0, 0.0)


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=12))
def test_from_the_settled_step_on_every_value_is_near_the_last(values: list[int]) -> None:
    steps, curve = np.arange(len(values), dtype=float), np.array(values, float)
    found = milestones(steps, curve, exact)
    near = np.abs(curve - curve[-1]) <= 0.05 * np.ptp(curve)
    if np.isnan(found.settled):
        assert np.ptp(curve) == 0 or not near[-FEWEST:].all() or len(curve) < FEWEST
        return
    at = int(found.settled)
    assert near[at:].all()
    assert len(curve) - at >= FEWEST
    assert at == 0 or not near[at - 1]


def test_a_single_step_is_no_curve() -> None:
    with pytest.raises(ValueError, match="two or more"):
        milestones(STEPS[:1], STEPS[:1], exact)
