"""Exhaustion run by run: thresholds of other families, and alarms that see no event."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.commands import signal_study
from lm_geometry.signals import cusum
from lm_geometry.studies.signals.courses import FamilyRuns
from lm_geometry.studies.signals.every_family import judge_all
from lm_geometry.studies.signals.exhaustion import READ, exhaustion, thresholds
from lm_geometry.studies.signals.exhaustion_page import page
from lm_geometry.workspace.tables import write_table
from tests.studies.signals.simulated_runs import STEPS, simulated_runs, simulated_study

MEASURED = np.arange(0, 701, 70)
GOALS = {"early": [0.0, 0.3, 0.5, *[0.5] * 8], "late": np.linspace(0, 0.5, 11)}


def course(turns_up: str = "early") -> pd.DataFrame:
    """Two runs; the local dimension jumps from the seventh measurement on in one of them."""
    generator = np.random.default_rng(1)
    rows = []
    for place, (run, goal) in enumerate(GOALS.items()):
        values = {
            (read.measure, read.split): generator.standard_normal(11) for read in READ.values()
        }
        if run == turns_up:
            values["dimension, all neighbours", "validation"][6:] += 100 * np.arange(1, 6)
        values["joint_goal_accuracy", "validation"] = np.asarray(goal)
        for (measure, split), series in values.items():
            own = {"experiment": run, "finetune.schedule": "linear", "measure": measure}
            own |= {"data_prep.train_sequences": 300 * (place + 1), "split": split}
            rows.append(pd.DataFrame({**own, "step": MEASURED, "value": series}))
    return pd.concat(rows, ignore_index=True)


def simulated(family: str) -> dict[str, FamilyRuns]:
    study = simulated_study(family)
    return {family: FamilyRuns.of(study, simulated_runs(study))}


def test_a_threshold_is_of_runs_without_the_event_thinned_to_the_same_shares() -> None:
    families = simulated("classifier")
    found = thresholds(families, MEASURED / 700)
    runs = families["classifier"]
    own = runs.runs[runs.runs["event"].isna()]["run"]
    places = [int(np.abs(STEPS - step).argmin()) for step in MEASURED]
    maxima = [cusum(runs.steps[run]["rankme"].to_numpy()[places]).max() for run in own]
    assert found["rankme"] == np.sort(maxima)[38]  # the ⌈41 · .95⌉-th of 40
    for run in set(runs.runs["run"]) - set(own):
        runs.steps[run]["rankme"] = 1e6 * np.arange(len(STEPS)) ** 3.0
    assert thresholds(families, MEASURED / 700)["rankme"] == found["rankme"]
    assert "weight_norm" in found
    assert "mean_cosine" not in found  # which no run has


def test_events_and_alarms_are_told_run_by_run() -> None:
    told = exhaustion(course("late"), simulated("classifier") | simulated("grokking"))
    assert told.events["event"].tolist() == [140.0, 700.0]
    assert told.thresholds_of == ("classifier",)
    alarms = told.alarms.set_index(["run", "signal"])
    late = alarms.loc[("late", "local_dimension")]
    assert 420 <= late["alarm"] <= 630
    assert late["lead"] == 700 - late["alarm"]
    assert late["largest"] > late["threshold"]
    assert np.isnan(alarms.loc[("early", "local_dimension"), "alarm"])
    assert alarms.loc[("early", "local_dimension"), "largest"] == 0.0  # five changes come later
    assert np.isnan(alarms.loc[("late", "mean_cosine"), "threshold"])
    text = page(told)
    assert (
        "`local_dimension` in 0 of 1 and 1 of 1; `training_loss` in 0 of 1" in text.split("\n")[2]
    )
    assert f"| local_dimension | – | {late['alarm']:.0f} |" in text
    assert "| *joint goal exhausted* | 140 | 700 |" in text


def test_an_alarm_does_not_know_the_joint_goal() -> None:
    table = course()
    other = table.copy()
    goal = other["measure"] == "joint_goal_accuracy"
    other.loc[goal, "value"] = other.loc[goal, "value"].to_numpy()[::-1]
    families = simulated("classifier")
    one, two = (exhaustion(each, families) for each in (table, other))
    assert one.events["event"].tolist() != two.events["event"].tolist()
    pd.testing.assert_series_equal(one.alarms["alarm"], two.alarms["alarm"])
    with pytest.raises(ValueError, match="early: rankme of validation is measured at"):
        exhaustion(table.drop(table[table["measure"] == "rankme"].index[0]), families)


def test_pages_are_written_with_what_is_there_and_again_the_same(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    study = simulated_study("classifier").model_dump_json()
    (tmp_path / "studies" / "classifier.yaml").write_text(study)
    results, said = tmp_path / "results" / "signals", []
    assert judge_all(tmp_path / "studies", results, said.append) == {}
    text = (results / "README.md").read_text()
    assert "**Not run yet: no family is whole" in text
    assert "not whole yet: 80 of 80 runs are missing" in text
    assert "Not told yet: `lm-geometry study exhaustion`" in text
    write_table(tmp_path / "results" / "exhaustion" / "course.parquet", course())
    files = []
    for _ in range(2):
        judge_all(tmp_path / "studies", results, said.append)
        files.append({p: p.read_bytes() for p in sorted(results.rglob("*")) if p.is_file()})
    assert files[0] == files[1]
    assert {path.name for path in files[0]} >= {"events.csv", "alarms.csv", "alarms.svg"}
    told = (results / "exhaustion" / "README.md").read_text()
    assert "No alarm is told yet" in told
    assert "| local_dimension |" not in told


def test_the_command_tells_that_it_makes_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    signal_study.conduct([signal_study.WITHOUT_RUNS], jobs=1, dry_run=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["lm-geometry study signals/exhaustion", "# no run to make: pages are written"]
    assert any("signals/exhaustion" in line for line in signal_study.described())
