"""Tables of a family's runs: the same rows give the same bytes, and nothing is made twice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.studies.signals.definition import (
    SignalStudy,
    planned,
    read_signal_study,
    signal_study_names,
)
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.studies.signals.tables import Tables

VARIED = ("rate",)


def rows_of(run: str, rate: float, seed: int, signal: float = 1.0) -> Tables:
    """The tables of one run of two steps."""
    runs = {"run": run, "parameters": "0a1b", "rate": rate, "seed": seed}
    runs |= {"event": np.nan, "diverged": np.nan, "budget": 10, "seconds_training": 2.0}
    steps = {"run": run, "step": [0, 10], "b": [signal, 2.0], "a": [1 / 3, np.nan]}
    seconds = {"run": run, "signal": ["a", "b"], "seconds": [0.1, 0.2]}
    return Tables(pd.DataFrame([runs]), pd.DataFrame(steps), pd.DataFrame(seconds))


def written(tables: Tables, folder: Path) -> dict[str, bytes]:
    tables.write(folder, VARIED)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_bytes_do_not_depend_on_the_order_of_runs(tmp_path: Path) -> None:
    parts = [rows_of("y", 2.0, 0), rows_of("x", 1.0, 1), rows_of("z", 1.0, 0)]
    one = other = Tables.empty()
    for part in parts:
        one = one.with_run(part)
    for part in reversed(parts):
        other = other.with_run(part)
    files = written(one, tmp_path / "one")
    assert files == written(other, tmp_path / "other")
    assert Tables.read(tmp_path / "one").runs["run"].tolist() == ["z", "x", "y"]
    assert files == written(Tables.read(tmp_path / "one"), tmp_path / "again")


def test_a_run_takes_the_place_of_the_one_of_its_name(tmp_path: Path) -> None:
    tables = Tables.empty().with_run(rows_of("x", 1.0, 0)).with_run(rows_of("x", 1.0, 0, 7.0))
    assert tables.steps["b"].tolist() == [7.0, 2.0]
    assert len(tables.runs) == 1


def test_rows_of_an_interrupted_run_are_left_out(tmp_path: Path) -> None:
    both = Tables.empty().with_run(rows_of("x", 1.0, 0)).with_run(rows_of("y", 1.0, 1))
    both.write(tmp_path, VARIED)
    runs = (tmp_path / "runs.csv").read_text().splitlines()
    (tmp_path / "runs.csv").write_text("\n".join(runs[:2]) + "\n")
    found = Tables.read(tmp_path)
    assert set(found.steps["run"]) == set(found.seconds["run"]) == {"x"}
    assert Tables.read(tmp_path / "nowhere").runs.empty


def test_values_stand_beside_those_that_are_there() -> None:
    tables = Tables.empty().with_run(rows_of("x", 1.0, 0)).with_run(rows_of("y", 1.0, 1))
    new = pd.DataFrame({"step": [0, 10], "c": [5.0, 6.0], "b": [8.0, 9.0]})
    took = pd.DataFrame({"run": "x", "signal": ["b", "c"], "seconds": [1.0, 2.0]})
    found = tables.with_values("x", new, took)
    x, y = (found.steps[found.steps["run"] == run] for run in "xy")
    assert x["c"].tolist() == [5.0, 6.0]
    assert x["b"].tolist() == [8.0, 9.0]
    assert y["c"].isna().all()
    assert y["b"].tolist() == [1.0, 2.0]
    assert found.read_signals("x") == {"a", "b", "c"}
    assert found.read_signals("y") == {"a", "b"}


@pytest.mark.parametrize("name", signal_study_names())
def test_every_family_s_study_plans_120_runs_and_more(name: str) -> None:
    study = read_signal_study(name)
    runs = list(planned(study, study.seeds))
    assert len({one.name for one in runs}) == len({one.parameters for one in runs}) == len(runs)
    assert len(runs) >= 120
    assert len(family_named(study.family).measured) >= 25
    assert all(one.seed < 100 for one in planned(study, study.most_seeds))  # 100 … are for trials


def test_settings_are_those_of_the_family() -> None:
    study = read_signal_study("signals/grokking").model_dump()
    with pytest.raises(ValueError, match="settings: rate; family grokking varies train_fraction"):
        SignalStudy.model_validate(study | {"settings": {"rate": [1.0]}})
    with pytest.raises(ValueError, match=r"settings\.weight_decay: .*give values, each once"):
        double = study["settings"] | {"weight_decay": [1.0, 1.0]}
        SignalStudy.model_validate(study | {"settings": double})
    with pytest.raises(ValueError, match="'grok' is no family of runs; there are classifier"):
        family_named("grok")
    with pytest.raises(ValueError, match="did you mean 'signals/grokking'"):
        read_signal_study("signals/groking")
