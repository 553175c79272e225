"""The lead of a signal over generalisation, on curves whose events were planted."""

import numpy as np
import pandas as pd
import pytest

from lm_geometry.signals.leads import events, leads, reached, summary

STEPS = np.arange(0, 2001, 50)


def planted(
    seed: int, peak: int = 400, fall: int = 900, grokked: int | None = 1500
) -> pd.DataFrame:
    """A run whose validation dimension peaks and falls, and whose accuracy jumps, where asked.

    The validation loss peaks 300 steps and the weight norm 200 steps after the dimension; the
    train loss halves with every measurement.
    """

    def hill(top: int, low: int) -> np.ndarray:
        rising = np.interp(STEPS, [0, top], [10, 20])
        falling = np.where(low > STEPS, 20 - 0.001 * (STEPS - top), 17.0)
        return np.where(top >= STEPS, rising, falling)

    accuracy = np.zeros(len(STEPS))
    if grokked is not None:
        accuracy = np.where(grokked > STEPS, 0.01, np.where(grokked + 200 > STEPS, 0.3, 1.0))
    train = {"accuracy": 1.0, "loss": 4.0 * 0.5 ** (STEPS / 50), "local_dimension": 10.0}
    held = {
        "accuracy": accuracy,
        "loss": hill(peak + 300, fall + 300),
        "local_dimension": hill(peak, fall),
    }
    norm = hill(peak + 200, fall + 200)
    parts = [
        pd.DataFrame({"step": STEPS, "split": split, "weight_norm": norm, "seed": seed} | columns)
        for split, columns in (("train", train), ("validation", held))
    ]
    return pd.concat(parts)


def cell(table: pd.DataFrame, **wanted: object) -> pd.Series:
    mask = np.ones(len(table), dtype=bool)
    for name, value in wanted.items():
        mask &= (table[name] == value).to_numpy()
    assert mask.sum() == 1
    return table[mask].iloc[0]


def test_events_are_where_they_were_planted() -> None:
    assert events([0, 1, 2, 3, 4], [1.0, 5.0, 5.0, 4.6, 4.5]) == {"peak": 1.0, "fall": 4.0}
    assert events([0, 1, 2, 3, 4], [1.0, 5.0, 5.0, 4.6, 4.5], fall=0.05)["fall"] == 3.0
    assert np.isnan(events([0, 1, 2, 3, 4], [1.0, 5.0, 5.0, 4.6, 4.5], fall=0.2)["fall"])


def test_a_dip_before_the_peak_is_no_fall_and_a_rising_curve_has_none() -> None:
    assert events([0, 1, 2, 3], [8.0, 4.0, 9.0, 8.9])["peak"] == 2.0
    assert np.isnan(events([0, 1, 2, 3], [8.0, 4.0, 9.0, 8.9])["fall"])
    assert np.isnan(events([0, 1], [1.0, 2.0])["fall"])


def test_order_and_gaps_of_the_measurements_do_not_matter() -> None:
    assert events([3, 1, 2, 0], [1.0, 5.0, np.nan, 2.0]) == {"peak": 1.0, "fall": 3.0}
    found = events([], [])
    assert np.isnan(found["peak"])
    assert np.isnan(found["fall"])


def test_a_negative_peak_has_no_share() -> None:
    with pytest.raises(ValueError, match="the peak is -1"):
        events([0, 1], [-2.0, -1.0])


def test_a_milestone_is_reached_at_its_value() -> None:
    assert reached([10, 20, 30], [0.0, 0.05, 0.0], 0.05) == 20.0
    assert np.isnan(reached([10, 20], [0.0, 0.04], 0.05))


def test_leads_of_planted_runs() -> None:
    table = pd.concat([planted(0), planted(1, peak=500, fall=1000, grokked=1400)])
    found = leads(table.sample(frac=1, random_state=0), ["seed"])
    assert len(found) == 2 * 5 * 2 * 2
    dimension = {"signal": "validation local dimension", "seed": 0}
    early = cell(found, **dimension, event="peak", milestone=0.05)
    assert (early["event_step"], early["milestone_step"], early["lead"]) == (400, 1500, 1100)
    assert early["every"] == 50
    assert cell(found, **dimension, event="fall", milestone=0.05)["lead"] == 600
    assert cell(found, **dimension, event="fall", milestone=0.5)["lead"] == 800
    same_way = {"seed": 1, "event": "fall", "milestone": 0.05}
    assert cell(found, signal="weight norm", **same_way)["lead"] == 1400 - 1200
    assert cell(found, signal="validation loss", **same_way)["lead"] == 1400 - 1300
    assert cell(found, signal="train loss", **same_way)["lead"] == 1400 - 50


def test_an_event_after_the_milestone_is_no_warning() -> None:
    found = leads(planted(0, peak=1600, fall=1800, grokked=1000), ["seed"])
    late = cell(found, signal="validation local dimension", event="peak", milestone=0.5)
    assert late["lead"] == 1200 - 1600
    told = summary(found)
    assert (
        cell(told, signal="validation local dimension", event="peak", milestone=0.5)["warned"] == 0
    )


def test_a_run_that_never_generalises_is_a_false_alarm() -> None:
    table = pd.concat([planted(0), planted(1, grokked=1600), planted(2, grokked=None)])
    found = leads(table, ["seed"])
    told = summary(found)
    row = cell(told, signal="validation local dimension", event="fall", milestone=0.05)
    assert (row["runs"], row["reached"], row["warned"], row["false_alarms"]) == (3, 2, 2, 1)
    # Student's t of 600 and 700: 650 ± 12.7062 · 50.
    assert row["mean"] == 650
    assert row["upper"] - row["mean"] == pytest.approx(12.7062 * 50, rel=1e-4)
    flat = cell(told, signal="train local dimension", event="fall", milestone=0.05)
    assert flat["false_alarms"] == 0
    assert np.isnan(flat["mean"])


def test_groups_are_summarised_apart() -> None:
    table = pd.concat([planted(s).assign(fraction=f) for s, f in [(0, 0.3), (1, 0.3), (0, 0.4)]])
    told = summary(leads(table, ["fraction", "seed"]), by=["fraction"])
    assert told.groupby("fraction")["runs"].first().to_dict() == {0.3: 2, 0.4: 1}
    alone = told[told["fraction"] == 0.4]
    assert alone["lower"].isna().all()


def test_tables_that_cannot_be_measured_are_refused() -> None:
    with pytest.raises(ValueError, match="columns local_dimension are missing"):
        leads(planted(0).drop(columns="local_dimension"), ["seed"])
    with pytest.raises(ValueError, match="stands twice"):
        leads(pd.concat([planted(0), planted(0)]), ["seed"])
