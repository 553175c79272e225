"""Signals of a cloud stand beside its dimensions, with the number of massive tokens."""

import numpy as np
import pandas as pd
import pytest

from lm_geometry.estimate import readings, signal_rows
from lm_geometry.estimate.params import Estimate
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.estimate.clouds import GLOBAL, without
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.signals import distance_moved, massive_tokens, participation_ratio, rankme

SPLIT = CorpusSplit("news", "test")
ROWS = np.arange(0, 400, 2)  # of the token table
STATES = {
    name: np.random.default_rng(seed).normal(size=(400, 12)).astype(np.float32) + seed
    for seed, name in enumerate(("base", "80"))
}
STATES["80"][[10, 20, 21]] *= 40


@pytest.fixture(autouse=True)
def _run(monkeypatch):
    tokens = pd.DataFrame({"document": [row // 20 for row in range(400)]})
    monkeypatch.setattr(readings, "read_tokens", lambda split: tokens)
    monkeypatch.setattr(signal_rows, "read_index", lambda: {"massive": 3.0})
    monkeypatch.setattr(
        signal_rows, "read_states_of", lambda name, split, layer, rows: STATES[name][rows]
    )


def made(checkpoint, groups=4, **values):
    settings = Estimate.model_validate({"jackknife": {"groups": groups}, **values})
    of_split = readings.Readings(SPLIT, groups, 0)
    cloud = Cloud(checkpoint, SPLIT, 3, 0)
    X = STATES[checkpoint][ROWS]
    return signal_rows.signal_table(cloud, X, ROWS, of_split, settings), of_split.group_of(ROWS)


def test_each_signal_is_that_of_the_library_and_so_is_each_deletion():
    table, group = made("80", signals=["rankme", "participation_ratio", "distance_moved"])
    X, base = STATES["80"][ROWS], STATES["base"][ROWS]
    of = {
        "rankme": rankme,
        "participation_ratio": lambda Y, _: participation_ratio(Y, corrected=True),
        "distance_moved": distance_moved,
        "massive_tokens": lambda Y, _: len(massive_tokens(Y, 3.0)),
    }
    of["rankme"] = lambda Y, _: rankme(Y)
    assert list(table) == [*GLOBAL, *without(4)]
    assert table["estimator"].tolist() == list(of)
    for (_, row), signal in zip(table.iterrows(), of.values(), strict=True):
        assert row["value"] == pytest.approx(signal(X, base), rel=1e-9)
        for g, column in enumerate(without(4)):
            kept = group != g
            assert row[column] == pytest.approx(signal(X[kept], base[kept]), rel=1e-9)
    assert table["value"].iloc[-1] == 2  # rows 10 and 20 of the token table; 21 is not in the cloud


def test_nothing_has_moved_at_base_and_no_signal_stands_without_its_count():
    table, _ = made("base", signals=["distance_moved"])
    assert table.empty
    table, _ = made("base", signals=["rankme", "distance_moved"], groups=0)
    assert table["estimator"].tolist() == ["rankme", "massive_tokens"]
    assert made("base", signals=[])[0].empty
