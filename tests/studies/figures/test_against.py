"""Signals against scores: courses, milestones and correlations of made runs."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.estimate.clouds import GLOBAL, INDEX, Estimated, folder_name, without
from lm_geometry.params.sections import Params
from lm_geometry.statistics import jackknife_variance
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.against import milestones, score_correlations
from lm_geometry.studies.figures.course import course
from lm_geometry.studies.numbers.against import correlation_rows, milestone_rows
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.measured import measured_by_all
from lm_geometry.workspace import paths
from tests.made_up_tree import MadeUpTree
from tests.study_runs import made_up_model, study

STEPS = [0, 5, 10, 20, 50, 100, 200]
FALL = [9.0, 7.0, 6.1, 6.0, 6.05, 5.98, 6.0]  # settled at step 10
RISE = [12.0, 9.0, 8.0, 8.4, 8.8, 9.0, 9.2]  # least at step 10
GOAL = [0.0, 0.0, 0.1, 0.3, 0.97, 0.99, 1.0]  # settled at step 50
LOSS = [4.0, 2.0, 1.0, 0.8, 1.2, 1.5, 2.0]  # least at step 20
KEYS = {"layer": 6, "n_neighbors": 64.0, "corpus": "d", "points": 900}


def figure(kind: str, **own: Any) -> Figure:
    base = {"kind": kind, "title": "T", "panels": ["finetune.schedule"]}
    base |= {"measures": ["dimension", "rankme", "joint_goal_accuracy", "loss"]}
    return Figure.model_validate(base | {"against": ["validation joint_goal_accuracy"]} | own)


def estimates(groups: int) -> dict[Path, Any]:
    """Both tables of each cloud, each of `groups` documents with two tokens and their own offset.

    A document's tokens are off by the same at every step, so that a paired difference has no error.
    """
    splits = [CorpusSplit("d", "train"), CorpusSplit("d", "validation")]
    names = [str(step) if step else "base" for step in STEPS]
    embedded = Embedded(names, splits, [6], 6)
    index = Estimated(embedded, [0], ["twonn"], [64], "i/n", ["document", "none"], [groups] * 2)
    found: dict[Path, Any] = {INDEX: asdict(index)}
    for cloud in index.clouds() if groups else []:
        at = names.index(cloud.checkpoint)
        rows = []
        for exclude, values in (("document", RISE), ("none", FALL)):
            for token in range(2 * groups):
                own = cloud.keys() | {"exclude": exclude, "row": token, "estimator": "twonn"}
                value = values[at] + token // 2
                left = {
                    f"without_{group}": value if group != token // 2 else np.nan
                    for group in range(groups)
                }
                rows.append(own | {"n_neighbors": 64.0, "value": value} | left)
        folder = paths.ESTIMATES / folder_name(cloud)
        found[folder / "local.parquet"] = pd.DataFrame(rows)
        signal = cloud.keys() | {"exclude": "none", "estimator": "rankme", "value": 300.0 - at}
        signal |= {f"without_{group}": 300.0 - at + group for group in range(groups)}
        found[folder / "global.parquet"] = pd.DataFrame([signal]).reindex(
            columns=[*GLOBAL, *without(groups)]
        )
    return found


def run_of(seed: int, schedule: str = "linear", groups: int = 0) -> Collected:
    rows = []
    for split, shift in (("train", 0.0), ("validation", 0.2)):
        for at, step in enumerate(STEPS):
            named = {**KEYS, "split": split, "checkpoint": str(step) if step else "base"}
            local = {"level": "token", "estimator": "twonn", "standard_error": 0.05}
            for exclude, values in (("document", RISE), ("none", FALL)):
                rows.append(named | local | {"exclude": exclude, "mean": values[at] + shift})
            cloud = {"level": "cloud", "exclude": "none", "standard_error": 1.0}
            for name, value in (("rankme", 300.0 - at), ("massive_tokens", 2.0)):
                rows.append(named | cloud | {"estimator": name, "mean": value})
    scores = [
        {"step": step, "split": "validation", "score": score, "value": value}
        for score, column in (("joint_goal_accuracy", GOAL), ("loss", LOSS))
        for step, value in zip(STEPS, column, strict=True)
    ]
    params = {
        "estimate": {"estimators": ["twonn"], "n_neighbors": [64], "cdf": "i/n"},
        "aggregate": {"n_neighbors": "last", "layer": 6, "exclude": "first"},
        "data_prep": {"train": "d"},
        "finetune": {
            "task": "sequence_classification",
            "schedule": schedule,
            "warmup_steps": 0,
            "seed": seed,
        },
        "model": {"name": "m"},
    }
    params["estimate"]["exclude"] = ["document", "none"]
    tables = {"means": pd.DataFrame(rows)}
    experiment = Experiment(f"s-{schedule}-{seed}", {"finetune.schedule": schedule})
    tree = MadeUpTree({paths.SCORES: scores, **estimates(groups)})
    return Collected(experiment, tree, "c", "b", Params.of(params), made_up_model("M", 6), tables)


RUNS = [run_of(seed, schedule) for schedule in ("linear", "constant") for seed in (0, 1)]


def test_both_readings_signals_and_scores_are_measures_of_a_run() -> None:
    table = measured_by_all(figure("course"), RUNS)
    own = table[table["experiment"] == "s-linear-0"]
    assert set(own["measure"]) == {
        "dimension",
        "dimension, all neighbours",
        "rankme",
        "joint_goal_accuracy",
        "loss",
    }
    published = own[(own["measure"] == "dimension, all neighbours") & (own["split"] == "train")]
    assert published.set_index("step")["value"].to_dict() == dict(zip(STEPS, FALL, strict=True))


def test_exhausted_is_where_a_curve_and_the_score_settled() -> None:
    asked = figure("milestones")
    rows = milestone_rows(asked, measured_by_all(asked, RUNS)).set_index(["measure", "split"])
    assert set(rows["was_so"]) == {50.0}
    assert set(rows.loc["dimension, all neighbours"]["step"]) == {10.0}
    assert set(rows.loc["dimension, all neighbours"]["lead"]) == {40.0}
    assert rows.loc["rankme"]["step"].isna().all()  # it falls to the end


def test_overfitted_is_where_a_curve_and_the_loss_were_least() -> None:
    asked = figure("milestones", event="overfitted", against=["validation loss"])
    rows = milestone_rows(asked, measured_by_all(asked, RUNS)).set_index(["measure", "split"])
    dimension = rows.sort_index().loc[("dimension", "validation")]
    assert set(dimension["step"]) == {10.0}
    assert set(dimension["was_so"]) == {20.0}
    np.testing.assert_allclose(dimension["rise"], 1.2)


def test_errors_are_of_the_same_documents_at_both_steps() -> None:
    asked = figure("milestones", event="overfitted", against=["validation loss"])
    table = measured_by_all(asked, [run_of(0, groups=4)])
    own = table[(table["measure"] == "dimension") & (table["step"] == 10)].iloc[0]
    spread = np.sqrt(jackknife_variance(own["without"]))
    assert spread == pytest.approx(np.std(range(4), ddof=1) / 2)  # over four documents
    rows = milestone_rows(asked, table).set_index("measure")
    np.testing.assert_allclose(rows.loc["dimension"]["rise_error"], 0, atol=1e-12)


def test_a_trend_goes_with_every_other_until_the_step_is_given() -> None:
    asked = figure("score_correlations")
    rows = correlation_rows(asked, measured_by_all(asked, RUNS))
    rankme = rows[rows["measure"] == "rankme"].set_index("form")["correlation"]
    assert set(np.round(rankme.loc["rank correlation"], 2)) == {-0.99}  # one tie in the score
    assert rankme.loc["given the step"].isna().all()  # it is the step
    assert "joint_goal_accuracy" not in set(rows["measure"])  # not with itself
    assert set(rows["runs"]) == {0, 2}


@pytest.mark.parametrize("draw", [course, milestones, score_correlations])
def test_charts_have_a_panel_for_each_setting(draw: Any) -> None:
    drawn = draw(figure(draw.__name__), study(), RUNS, "measured")
    chart = str(drawn.chart.to_dict())
    assert "schedule linear" in chart
    assert "schedule constant" in chart


def test_measures_and_scores_that_no_run_has_are_refused() -> None:
    with pytest.raises(ValueError, match="no run has f1; there are dimension"):
        course(figure("course", measures=["f1"]), study(), RUNS, "")
    with pytest.raises(ValueError, match="no run has 'test f1' at two steps"):
        milestones(figure("milestones", against=["test f1"]), study(), RUNS, "")
    with pytest.raises(ValueError, match="does not begin with a split"):
        figure("course", against=["loss"])
