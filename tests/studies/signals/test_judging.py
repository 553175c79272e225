"""What the analysis says of made runs in which every signal's behaviour is known."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.studies.signals.courses import ALONE, LOGGED, FamilyRuns
from lm_geometry.studies.signals.judging import Found, judge, three_for
from lm_geometry.studies.signals.report import write_report
from lm_geometry.studies.signals.tables import Tables
from tests.studies.signals.simulated_runs import (
    APART,
    EVENT,
    TELLS,
    simulated_runs,
    simulated_study,
)

STUDY = simulated_study("grokking")


@cache
def made() -> Tables:
    """Its simulated runs."""
    return simulated_runs(STUDY)


@cache
def found() -> Found:
    """The verdicts on the made runs."""
    return judge(FamilyRuns.of(STUDY, made()), draws=60)


def test_known_answers_are_found() -> None:
    table = found().table.set_index("signal")
    assert table["runs_with"].eq(40).all()
    assert table["runs_without"].eq(40).all()
    good, noise, late = (table.loc[n] for n in ("local_dimension", "rankme", "training_loss"))
    assert good["detected"] == 1.0
    assert good["false_alarms"] <= 0.1
    assert EVENT - TELLS - 3 * APART <= good["lead"] <= EVENT - TELLS  # a step adds 4 at most
    assert good["lead_share"] == pytest.approx(good["lead"] / 700)
    assert good["area_40"] == 1.0
    assert abs(good["area_10"] - 0.5) < 0.2
    assert noise["detected"] < 0.3
    assert abs(noise["area_40"] - 0.5) < 0.2
    assert late["detected"] < 0.3
    assert late["late"] > 0.7
    assert table.loc["weight_norm", "detected"] < 0.3  # all runs jump: no threshold tells
    assert table.loc[ALONE, "area_20"] < 0.7  # every setting has as many of both kinds
    assert table.loc["rankme", "share_of_training"] == pytest.approx(0.1)
    assert good["share_of_training"] == pytest.approx(0.075)  # with the graph that it takes
    assert table.loc["rankme", "labels"] == "none"
    assert " + ".join(LOGGED) in table.index


def test_the_four_tests_refute_what_is_to_be_refuted() -> None:
    refuted = found().refuted
    assert refuted["local_dimension"] == []
    assert {1, 2, 3} <= set(refuted["rankme"])
    assert 1 in refuted["training_loss"]


def test_one_side_and_published_thresholds_stand_beside() -> None:
    sides = found().sides.set_index(["signal", "side"])["detected"]
    assert sides["local_dimension", "rise"] == 1.0
    assert sides["local_dimension", "fall"] < 0.3
    published = found().published.set_index("signal").loc["d2l_turning_point"]
    assert published["threshold"] == 2.0
    assert published["detected"] == published["false_alarms"] == 0.5


def test_a_page_says_first_what_the_local_dimension_does(tmp_path: Path) -> None:
    paths = write_report(FamilyRuns.of(STUDY, made()), found(), tmp_path)
    names = {"verdicts.csv", "sides.csv", "published.csv", "verdicts.svg", "README.md"}
    assert {path.name for path in paths} == names
    lines = (tmp_path / "README.md").read_text().splitlines()
    assert lines[2] == (
        "**The mean local dimension tells that a model generalises: none of the four tests "
        "refutes it.**"
    )
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) == 6
    assert rows[0].startswith("| `local_dimension` | no labels |")
    assert "the other two families name them" in "\n".join(lines)


def test_a_part_of_a_family_is_refused_with_what_is_missing() -> None:
    tables = made()
    few = tables.runs[tables.runs["seed"] < 4]
    with pytest.raises(
        ValueError, match=r"48 of 80 runs are missing, such as 0\.2-0\.1-0\.001-seed-4"
    ):
        FamilyRuns.of(STUDY, Tables(few, tables.steps, tables.seconds))
    wants = STUDY.model_copy(update={"of_each_kind": 60, "most_seeds": 32})
    with pytest.raises(ValueError, match="40 runs of the rarer kind, 60 are wanted"):
        FamilyRuns.of(wants, tables)


def test_runs_that_diverged_are_counted_and_not_judged() -> None:
    tables = made()
    runs = tables.runs.assign(diverged=[25.0, *[np.nan] * 79])
    whole = FamilyRuns.of(STUDY, Tables(runs, tables.steps, tables.seconds))
    assert whole.diverged == 1
    assert len(whole.runs) == 79


def test_three_are_named_by_the_other_two_families() -> None:
    def table(areas: dict[str, float]) -> pd.DataFrame:
        rows = [{"signal": n, "labels": "none", "area_20": a} for n, a in areas.items()]
        return pd.DataFrame([*rows, {"signal": "loss", "labels": "training", "area_20": 1.0}])

    one = table({"a": 0.9, "b": 0.6, "c": 0.7, "d": 0.9})
    two = table({"a": 0.9, "b": 0.9, "c": 0.5, "e": 0.9, "f": 0.1})
    own = table({"c": 1.0})
    assert three_for("own", {"own": own, "one": one, "two": two}) == ["a", "b", "c"]
    assert three_for("own", {"own": own, "one": one}) == []
