"""Figures over the steps of training: the courses of runs, their means, and the leads."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.params.sections import Params
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures import over_steps
from lm_geometry.studies.numbers import course
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.workspace import paths
from tests.made_up_tree import MadeUpTree
from tests.study_runs import made_up_model, study

SHARE = "data_prep.equations.train_fraction"
CURVES = {"kind": "curves", "title": "C", "panels": [SHARE]}
LEADS = {"kind": "leads", "title": "L", "panels": [SHARE]}
STEPS = [0, 10, 20, 30, 40, 50]


def values_of(chart: Any) -> list[dict[str, Any]]:
    (values,) = chart.to_dict()["datasets"].values()
    return values


def run_of(seed: int, share: float = 0.5) -> Collected:
    """A run that groks at step 40, its dimension known at every second step."""
    rising = [0.0, 0.0, 0.01, 0.02, 0.6, 1.0]
    values = {
        ("train", "accuracy"): [0.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        ("validation", "accuracy"): [min(1.0, a + seed / 100) for a in rising],
        ("train", "loss"): [4.0, 1.0, 0.1, 0.1, 0.1, 0.1],
        ("validation", "loss"): [4.0, 5.0, 6.0, 5.5, 2.0, 0.1],
        ("train", "weight_norm"): [1.0, 5.0, 4.0, 3.0, 2.0, 2.0],
        ("validation", "weight_norm"): [1.0, 5.0, 4.0, 3.0, 2.0, 2.0],
    }
    scores = [
        {"step": step, "split": split, "score": score, "value": value}
        for (split, score), column in values.items()
        for step, value in zip(STEPS, column, strict=True)
    ]
    dimension = {"base": 8.0, "20": 20.0 + seed, "40": 12.0}
    means = pd.DataFrame(
        [
            {"checkpoint": name, "split": split, "mean": value - (split == "train"), "layer": layer}
            | {"estimator": "twonn", "n_neighbors": 64.0, "level": "token", "exclude": "none"}
            for name, value in dimension.items()
            for split in ("train", "validation")
            for layer in (1, 2)
        ]
    )
    tree = MadeUpTree({paths.SCORES: scores})
    params = {
        "estimate": {"estimators": ["twonn"], "n_neighbors": [64], "exclude": ["none"]},
        "aggregate": {"n_neighbors": "last", "layer": 2, "exclude": "first"},
        "data_prep": {"equations": {"train_fraction": share}},
        "model": {"name": "m"},
    }
    experiment = Experiment(f"s-{share}-{seed}", {})
    tables = {"means": means}
    return Collected(experiment, tree, "c", "b", Params.of(params), made_up_model("M", 2), tables)


def test_a_course_has_scores_of_every_step_and_dimensions_of_checkpoints() -> None:
    table = course.course(run_of(0))
    assert len(table) == 2 * len(STEPS)
    held_out = table[table["split"] == "validation"].set_index("step")
    assert held_out["dimension"].dropna().to_dict() == {0: 8.0, 20: 20.0, 40: 12.0}
    assert held_out.loc[40, "accuracy"] == 0.6
    assert held_out.loc[10, "loss"] == 5.0


def test_curves_are_means_with_students_intervals_within_what_is_possible() -> None:
    figure = Figure.model_validate(CURVES)
    runs = [run_of(seed, share) for share in (0.2, 0.5) for seed in (0, 3, 5)]
    found = course.curves(figure, course.courses(figure, runs))
    cell = found[(found["measure"] == "dimension") & (found["split"] == "validation")]
    at = cell[(cell["step"] == 20) & (cell[SHARE] == 0.2)].iloc[0]
    values = [20.0, 23.0, 25.0]
    expected = stats.t.interval(0.95, df=2, loc=np.mean(values), scale=stats.sem(values))
    np.testing.assert_allclose([at["lower"], at["upper"]], expected)
    assert (at["mean"], at["runs"]) == (np.mean(values), 3)
    accuracy = found[found["measure"] == "accuracy"]
    assert accuracy["lower"].min() == 0.0
    assert accuracy["upper"].max() == 1.0
    assert set(found["measure"]) == {"accuracy", "loss", "dimension"}


def test_leads_are_counted_for_each_panel() -> None:
    runs = [run_of(seed, 0.2) for seed in (0, 1)] + [run_of(0)]
    drawn = over_steps.leads(Figure.model_validate(LEADS), study(), runs, "m")
    assert drawn.rows is not None
    assert drawn.runs is not None
    shown = drawn.rows.set_index([SHARE, "signal", "event", "milestone"])
    row = shown.loc[(0.2, "validation local dimension", "fall", 0.5)]
    assert (row["runs"], row["reached"], row["mean"]) == (2, 2, 0.0)
    assert shown.loc[(0.5, "validation local dimension", "peak", 0.5)]["mean"] == 20.0
    assert shown.loc[(0.5, "weight norm", "peak", 0.05)]["mean"] == 30.0
    assert len(drawn.runs) == 3 * 5 * 2 * 2
    records = values_of(drawn.chart)
    assert {record["settings"] for record in records} == {
        "train fraction 0.2",
        "train fraction 0.5",
    }
    assert len(records) == len(drawn.rows) + len(drawn.runs)


def test_the_axis_of_steps_is_logarithmic_and_leaves_out_step_0() -> None:
    figure = Figure.model_validate(CURVES | {"measures": ["dimension", "accuracy"]})
    chart = over_steps.curves(figure, study(), [run_of(0)], "m").chart
    records = values_of(chart)
    assert min(record["step"] for record in records) == 10
    assert {r["measure"]: r["measure_order"] for r in records} == {
        "mean local dimension": 0,
        "accuracy": 1,
    }
    assert '"type": "log"' in str(chart.to_dict()).replace("'", '"')


def test_lines_can_be_the_values_of_a_parameter_with_the_splits_side_by_side() -> None:
    measures = ["weight_norm", "accuracy"]
    fields = {
        "kind": "curves",
        "title": "C",
        "series": SHARE,
        "measures": measures,
    }
    runs = [run_of(seed, share) for share in (0.5, 0.2) for seed in (0, 3)]
    drawn = over_steps.curves(Figure.model_validate(fields), study(), runs, "m")
    assert drawn.rows is not None
    records = values_of(drawn.chart)
    assert {record["settings"] for record in records} == {"m"}
    cells = sorted({(record["cell_order"], record["cell"]) for record in records})
    # The norm, one panel for both splits, is last though it was named first.
    assert [cell for _, cell in cells] == [
        "accuracy, train",
        "accuracy, validation",
        "norm of all weights",
    ]
    groups = {(r["cell"], r["series_value"], r["series_place"]) for r in records}
    assert len(groups) == 3 * 2
    assert {(value, place) for _, value, place in groups} == {(0.2, 0), (0.5, 1)}
    at = drawn.rows.set_index([SHARE, "measure", "split", "step"])
    assert at.loc[(0.2, "accuracy", "validation", 40)]["mean"] == pytest.approx(0.615)
    assert at.loc[(0.2, "accuracy", "validation", 40)]["runs"] == 2


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "lines", "measures": ["loss"]}, "measures is not for kind lines"),
        ({"kind": "curves", "x": "step"}, "x is not for kind curves"),
        ({"kind": "leads", "value": "change"}, "value is not for kind leads"),
        ({"kind": "leads", "series": "seed"}, "series is not for kind leads"),
        ({"kind": "boxes", "series": "seed"}, "series is not for kind boxes"),
        ({"kind": "boxes", "value": "change"}, "value is not for kind boxes"),
        ({"kind": "boxes", "layers": "all"}, "layers is not for kind boxes"),
        ({"kind": "boxes", "x": "n_neighbors"}, "x: n_neighbors is not for kind boxes"),
        ({"kind": "boxes", "x": "step"}, "x: step is not for kind boxes"),
        ({"kind": "boxes", "x": "layer"}, "x: layer is not for kind boxes.*name a parameter"),
        ({"kind": "boxes", "x": "seed", "x_scale": "log"}, "x_scale: log is not for kind boxes"),
        ({"kind": "violins", "value": "change"}, "value is not for kind violins"),
        ({"kind": "violins", "x": "seed"}, "x is not for kind violins"),
        ({"kind": "violins", "x_title": "seed"}, "x_title is not for kind violins"),
        ({"kind": "violins", "x_scale": "log"}, "x_scale is not for kind violins"),
        ({"kind": "violins", "layers": "all"}, "layers is not for kind violins"),
        ({"kind": "violins", "exclude": "none"}, "exclude is not for kind violins"),
        ({"kind": "curves", "y_scale": "own"}, "y_scale is not for kind curves"),
        ({"kind": "violins", "panels": ["seed"]}, "panels is not for kind violins"),
    ],
)
def test_settings_of_another_kind_of_figure_are_refused(fields: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Figure.model_validate({"title": "T"} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "boxes", "x": "seed", "x_scale": "category", "x_title": "S", "panels": ["case"]},
        {"kind": "boxes"},
        {"kind": "violins", "says": "Of one run."},
        {"kind": "lines", "value": "change", "x": "step", "x_scale": "log", "layers": "all"},
        {"kind": "lines", "exclude": "none", "y_scale": "own"},
    ],
)
def test_settings_of_its_own_kind_are_taken(fields: dict) -> None:
    assert Figure.model_validate({"title": "T"} | fields).model_fields_set == {"title", *fields}
