"""A made-up cloud is measured as a run would estimate it."""

import itertools
from typing import Any

import pytest

from lm_geometry.experiments.costs import cloud_rates as module
from lm_geometry.experiments.costs.cloud_rates import cloud_rates
from lm_geometry.experiments.costs.rates import CloudRates
from lm_geometry.experiments.costs.timing import per_item
from lm_geometry.experiments.experiment import Project
from lm_geometry.params.sections import Params


def rates(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> CloudRates:
    """Of 120 points of width 24, by a clock that counts how often it is read."""
    monkeypatch.setattr(module, "FIRST", 80)
    named = {f"estimate.{key}".replace("__", "."): value for key, value in changes.items()}
    small = {"estimate.n_neighbors": [16], "estimate.gride_range": 16} | named
    settings = Params.of(Project.read().params_of(small)).estimate
    return cloud_rates(settings, 120, 24, 10, itertools.count(0.0).__next__)


def test_every_part_that_is_asked_for_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rates(monkeypatch, jackknife__groups=3, surrogates__kinds=["gaussian", "token_means"])
    assert (found.points, found.lpca_tokens) == (120, 120)
    assert (found.graph, found.signals) == (1.0, 1.0)  # one reading of the clock after another
    assert found.lpca == 2.0  # once measured, for two readings
    assert found.surrogate == 0.0  # half a second each, in which the graph's is
    assert found.table_bytes > 1000


def test_what_is_not_asked_for_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rates(monkeypatch, estimators=["twonn"], signals=[], surrogates__kinds=[])
    assert (found.lpca, found.lpca_tokens, found.signals, found.surrogate) == (0, 0, 0, 0)


def test_a_rate_is_of_as_many_as_the_seconds_suffice_for() -> None:
    now = [0.0]

    def work(items: int) -> None:
        now[0] += 0.25 * items if items == 1 else 0.2 * items

    assert per_item(lambda: now[0], work, most=3, seconds=1.0) == (pytest.approx(0.2), 3)
    assert per_item(lambda: now[0], work, most=100, seconds=1.0) == (pytest.approx(0.2), 4)
    assert per_item(lambda: now[0], work, most=100, seconds=0.1) == (0.25, 1)
