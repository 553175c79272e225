"""What null models read, drawn beside what was measured, of one run."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.nulls import KEEPS, NULL, REAL, REMAINDER, nulls
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.surrogates import KINDS
from tests.study_runs import CHANGES, run_of, study

STUDY = study()


def figure(**own: Any) -> Figure:
    return Figure.model_validate({"kind": "nulls", "title": "T"} | own)


def run_with_nulls() -> Collected:
    one = run_of(0, CHANGES)
    cell = {"split": "test", "estimator": "twonn", "n_neighbors": 64.0, "exclude": "none"}
    cell |= {"level": "token", "scale": None, "draws": 4, "p_value": 0.5, "adjusted_p_value": 0.5}
    cell |= {"real": 10.0, "real_lower": 9.0, "real_upper": 11.0, "surrogate_mean": 40.0}
    cell |= {
        "surrogate_deviation": 1.5,
        "null_p_value": 0.1,
        "mean": -30.0,
        "lower": -31.0,
        "upper": -29.0,
    }
    cell |= {"adjusted_null_p_value": 0.1}
    places = [
        ("mean", "base", ""),
        ("mean", "5", ""),
        ("change", "5", ""),
        ("difference", "5", "b"),
    ]
    rows = [
        cell
        | {"of": of, "checkpoint": checkpoint, "corpus": corpus, "control": control}
        | {"layer": layer, "surrogate": kind}
        for of, checkpoint, control in places
        for corpus in ("a", "b")[: 1 if control else 2]
        for layer in CHANGES
        for kind in KINDS
    ]
    return replace(one, tables=one.tables | {"remainders": pd.DataFrame(rows)})


def points(drawn: Any) -> pd.DataFrame:
    (rows,) = drawn.chart.to_dict()["datasets"].values()
    return pd.DataFrame(rows)


def test_every_null_model_has_a_name() -> None:
    assert tuple(KEEPS) == KINDS


def test_levels_have_base_and_fine_tuned_and_no_remainder() -> None:
    found = nulls(figure(layers="all"), STUDY, [run_with_nulls()], "N = 25")
    data = points(found)
    assert set(data["what"]) == {REAL, NULL}
    # Of each layer, corpus and side the states once, and each null model.
    assert data.groupby("what").size().to_dict() == {REAL: 3 * 2 * 2, NULL: 3 * 2 * 2 * len(KINDS)}
    null = data[data["what"] == NULL]
    assert set(zip(null["lower"], null["upper"], strict=True)) == {(38.5, 41.5)}
    assert found.rows is not None
    assert len(found.rows) == 3 * 2 * 2 * len(KINDS)


def test_changes_have_remainders_of_the_shown_layer() -> None:
    data = points(nulls(figure(value="change"), STUDY, [run_with_nulls()], ""))
    assert set(data["place"]) == {"layer 3"}
    rest = data[data["what"] == REMAINDER]
    assert len(rest) == 2 * len(KINDS)
    assert set(rest["value"]) == {-30}
    difference = points(nulls(figure(value="difference"), STUDY, [run_with_nulls()], ""))
    assert set(difference["series"]) == {"a − b"}


def test_runs_without_null_models_and_several_are_refused() -> None:
    with pytest.raises(ValueError, match=r"s-0 has no null models: set estimate\.surrogates"):
        nulls(figure(), STUDY, [run_of(0, CHANGES)], "")
    with pytest.raises(ValueError, match="shows one experiment, and there are 2"):
        nulls(figure(), STUDY, [run_with_nulls()] * 2, "")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"grid": {"finetune.seed": [0, 1]}}, "shows one experiment; the study has 2"),
        ({"grid": {"finetune.seed": [0]}}, r"needs estimate\.surrogates\.kinds in the study"),
    ],
)
def test_a_study_is_told_before_it_runs(fields: dict[str, Any], told: str) -> None:
    base = {"question": "Q?", "minutes": 1, "figures": [{"kind": "nulls", "title": "T"}]}
    with pytest.raises(ValueError, match=told):
        Study.model_validate(base | fields)
    with pytest.raises(ValueError, match="panels is not for kind nulls"):
        figure(panels=["finetune.seed"])
