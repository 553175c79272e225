"""Signals without one group of tokens are those of the cloud without them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry.observables.cloud_signals import SIGNALS, cloud_signals
from lm_geometry.observables.cosine import mean_cosine
from lm_geometry.observables.moved import distance_moved
from lm_geometry.signals import (
    alpha_req,
    effective_rank,
    massive_tokens,
    participation_ratio,
    rankme,
)

FUNCTIONS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "rankme": lambda X, B: rankme(X),
    "alpha_req": lambda X, B: alpha_req(X),
    "participation_ratio": lambda X, B: participation_ratio(X, corrected=True),
    "effective_rank": lambda X, B: effective_rank(X),
    "mean_cosine": lambda X, B: mean_cosine(X),
    "distance_moved": lambda X, B: distance_moved(X, B),
    "massive_tokens": lambda X, B: float(len(massive_tokens(X))),
}


def clouds(n: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A cloud with two massive tokens and a mean of its own, and where it was."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, width)) * np.arange(1, width + 1) ** -0.5 + 2
    X[[1, n // 2]] *= [[9.0], [7.0]]
    return X, X + rng.standard_normal((n, width))


@settings(max_examples=15)
@given(
    shape=st.sampled_from([(120, 30), (31, 30), (30, 30), (40, 90)]),
    groups=st.integers(1, 6),
    seed=st.integers(0, 999),
)
def test_each_value_is_what_its_function_says_of_the_other_tokens(
    shape: tuple[int, int], groups: int, seed: int
) -> None:
    X, base = clouds(*shape, seed)
    labels = np.random.default_rng(seed + 1).integers(-1, groups, len(X))
    found = cloud_signals(X, labels, base, number=groups)
    assert [one.name for one in found] == [*SIGNALS] == [*FUNCTIONS]
    for name, value, without in found:
        own = [value_of(name, X[labels != g], base[labels != g]) for g in range(groups)]
        assert value == pytest.approx(value_of(name, X, base), rel=1e-9)
        np.testing.assert_allclose(without, own, rtol=1e-9, err_msg=name)


def value_of(name: str, X: np.ndarray, base: np.ndarray) -> float:
    """NaN where the function has none."""
    try:
        return FUNCTIONS[name](X, base)
    except ValueError:
        return np.nan


@pytest.mark.parametrize("power", [-1000, -300, 300, 900])
def test_a_massive_group_leaves_no_trace_in_what_is_without_it(power: int) -> None:
    X = np.ldexp(clouds(300, 25, 0)[0], power)
    labels = np.arange(300) % 3
    labels[[1, 150]] = 2
    X[[1, 150]] *= 1e4
    for name, value, without in cloud_signals(X, labels):
        others = X[labels != 2]
        rest = value_of(name, others, others)
        assert without[2] == pytest.approx(rest, rel=1e-9)
        assert np.isfinite(value)


def test_a_group_without_tokens_changes_nothing_and_none_is_none() -> None:
    X, base = clouds(90, 25, 3)
    for one in cloud_signals(X, np.where(np.arange(90) < 40, 0, 2), base, number=4):
        assert one.without[1] == one.without[3] == pytest.approx(one.value, rel=1e-12)
    for one in cloud_signals(X):
        assert one.without.shape == (0,)


def test_what_has_no_value_is_nan() -> None:
    X = clouds(60, 8, 0)[0]
    X[5] = 0
    labels = (np.arange(60) == 5).astype(int)
    found = {one.name: one for one in cloud_signals(X, labels)}
    assert np.isnan([found["alpha_req"].value, *found["alpha_req"].without]).all()  # 8 directions
    assert np.isnan(found["mean_cosine"].value)
    assert found["mean_cosine"].without[1] == pytest.approx(mean_cosine(np.delete(X, 5, axis=0)))
    whole = {one.name: one for one in cloud_signals(X[:3], np.zeros(3, int))}
    assert np.isnan(whole["participation_ratio"].value)  # 3 tokens
    assert np.isnan(whole["rankme"].without).all()  # none is left
    assert whole["massive_tokens"].without.tolist() == [0]


def test_what_is_asked_for_is_checked() -> None:
    X, base = clouds(30, 6, 0)
    assert [one.name for one in cloud_signals(X, names=["rankme"])] == ["rankme"]
    for given_, told in (
        ({"names": ["rank"]}, "are no signals; there are rankme"),
        ({"names": ["distance_moved"]}, "needs base"),
        ({"groups": np.zeros(29, int)}, "groups has shape"),
        ({"groups": np.full(30, 4), "number": 3}, "number is 3, but groups has 5"),
        ({"base": base[:-1]}, "rows must be the same tokens"),
    ):
        with pytest.raises(ValueError, match=told):
            cloud_signals(X, **given_)
