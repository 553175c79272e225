"""The heuristic over the runs of a study: falls of the dimension, and gains that come later."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.figures.export import render
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures import later_scores
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.workspace import paths
from tests.made_up_tree import MadeUpTree
from tests.study_runs import CHANGES, made_up_model, run_of, study

STEPS = range(0, 120, 20)
FIGURE = Figure.model_validate({"kind": "later_scores", "title": "Does it tell?"})


def run(seed: int, falls: bool) -> Collected:
    """A run in which the dimension falls by as much as the accuracy then gains, or has no say."""
    drawn = np.random.default_rng(seed)
    gains = drawn.uniform(0.01, 0.1, len(STEPS))
    accuracy = np.concatenate([[0.5], 0.5 + np.cumsum(gains[:-1])])
    change = -gains if falls else drawn.normal(size=len(STEPS))
    dimension = 10 + np.cumsum(np.concatenate([[0.0], change[1:]]))
    loss = drawn.uniform(0.3, 0.7, len(STEPS))
    cell = {"corpus": "a", "split": "validation"}
    scores = [
        cell | {"step": step, "score": name, "value": float(value)}
        for name, values in (("accuracy", accuracy), ("loss", loss))
        for step, value in zip(STEPS, values, strict=True)
    ]
    means = pd.DataFrame(
        {
            "checkpoint": ["base" if step == 0 else str(step) for step in STEPS],
            "mean": dimension,
            "layer": 6,
            "estimator": "twonn",
            "level": "token",
            "exclude": "none",
            "n_neighbors": 64.0,
            **cell,
        }
    )
    tree, params = MadeUpTree({paths.SCORES: scores}), run_of(0, CHANGES).params
    one = Experiment(f"seed-{seed}", {})
    return Collected(one, tree, "c", "b", params, made_up_model("M", 6), {"means": means})


def rows_of(runs: list[Collected]) -> pd.DataFrame:
    found = later_scores.later_scores(FIGURE, study(), runs, "TwoNN").rows
    assert found is not None
    return found


def row_of(found: pd.DataFrame, **wanted: str) -> Any:
    wanted_rows = np.logical_and.reduce([found[name] == value for name, value in wanted.items()])
    chosen: Any = found[wanted_rows]
    (row,) = chosen.to_dict("records")
    return row


NEXT = {"score": "accuracy", "since": "previous", "until": "next"}


def test_a_dimension_that_falls_before_every_gain_has_correlation_minus_one() -> None:
    found = rows_of([run(seed, falls=True) for seed in range(4)])
    row = row_of(found, signal="dimension", **NEXT)
    # Steps 20 … 80: the fall until a checkpoint is the gain after it, in each run.
    assert (row["correlation"], row["lower"], row["upper"]) == (-1, -1, -1)
    assert (row["runs"], row["pairs"]) == (4, 16)


def test_the_interval_is_students_over_the_runs_own_correlations() -> None:
    runs = [run(seed, falls=False) for seed in range(5)]
    found = rows_of(runs)
    own = []
    for one in runs:
        dimension = one.tables["means"]["mean"].to_numpy()
        accuracy = np.array(
            [s["value"] for s in read_scores(one.revision) if s["score"] == "accuracy"]
        )
        own.append(stats.spearmanr(np.diff(dimension)[:-1], np.diff(accuracy)[1:]).statistic)
    row = row_of(found, signal="dimension", **NEXT)
    assert row["correlation"] == pytest.approx(np.mean(own))
    expected = stats.t.interval(0.95, df=4, loc=np.mean(own), scale=stats.sem(own))
    np.testing.assert_allclose([row["lower"], row["upper"]], np.clip(expected, -1, 1))


def test_the_chart_shows_the_loss_beside_each_layer() -> None:
    runs = [run(seed, falls=True) for seed in range(3)]
    picture = render(later_scores.later_scores(FIGURE, study(), runs, "TwoNN").chart)[
        "svg"
    ].decode()
    for words in ("dimension, layer 6", "validation loss", "accuracy", "Does it tell?"):
        assert words in picture


def test_runs_without_scores_are_named() -> None:
    one = replace(run(0, falls=True), revision=MadeUpTree({paths.SCORES: []}))
    with pytest.raises(ValueError, match=r"figure 'Does it tell\?': its runs have no scores"):
        rows_of([one])


def test_panels_are_not_for_this_kind() -> None:
    with pytest.raises(ValueError, match="panels is not for kind later_scores"):
        Figure.model_validate({"kind": "later_scores", "title": "t", "panels": ["model.name"]})
