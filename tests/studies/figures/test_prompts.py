"""Figures of prompts in studies: what they draw is what the experiments' tables say."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_tables import MODELS, example_tables
from pydantic import ValidationError
from scipy import stats

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, rows_where
from lm_geometry.outs.estimate.prompts import FOLDER
from lm_geometry.params.sections import Params
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figures.prompts import drawn
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.studies.report import page
from lm_geometry.studies.report import write as report
from tests.made_up_tree import MadeUpTree
from tests.study_runs import made_up_model

RUN = {"checkpoint": "base", "corpus": "c", "split": "all"}
PARAMS = {
    "model": {"name": "m"},
    "aggregate": {"bootstrap": {"draws": 100, "seed": 0}, "confidence": 0.9, "checkpoint": "last"},
    "data_prep": {"prompts": {"corpus": "c"}},
    "estimate": {"estimators": ["twonn"]},
}
STUDY = {"question": "Q?", "minutes": 1, "prompt_figures": [{"kind": "layers", "title": "T"}]}


def experiment(case: str, tables: GeometryTables, corpus: str = "c") -> Collected:
    """An experiment whose estimates of prompts are these tables."""
    files = {
        FOLDER / f"{name}.parquet": table.assign(**RUN) if "checkpoint" not in table else table
        for name, table in vars(tables).items()
    }
    files[FOLDER / "reciprocity.parquet"] = rows_where(tables.overlap.assign(**RUN)).drop(
        columns="next_layer"
    )
    params = PARAMS | {"data_prep": {"prompts": {"corpus": corpus}}}
    tables_of_run = {"means": pd.DataFrame({"checkpoint": ["base", "40"]})}
    one = Experiment(f"s-{case}", {}, case)
    model = made_up_model("Tiny", 6)
    tree = MadeUpTree(files)
    return Collected(one, tree, "c" * 40, "b" * 40, Params.of(params), model, tables_of_run)


@pytest.fixture(scope="module")
def made() -> GeometryTables:
    return example_tables(prompts=12, layers=6)


@pytest.fixture(scope="module")
def two(made: GeometryTables) -> list[Collected]:
    """Two experiments, of which the second lacks prompt 100."""
    second = made.where(model=MODELS[1], prompt=list(range(101, 112)))
    return [experiment("a", made.where(model=MODELS[0])), experiment("b", second)]


def study(**fields: Any) -> Study:
    return Study.model_validate(STUDY | {"cases": {"a": {}, "b": {}}} | fields)


def figure(kind: str, **fields: Any) -> PromptFigure:
    return PromptFigure.model_validate({"kind": kind, "title": "T"} | fields)


def panels_of(chart: Any) -> list[str]:
    specification = chart.to_dict()
    names: dict[str, None] = {}
    for part in specification["vconcat"]:
        data = part.get("data") or specification["data"]
        records = data.get("values") or specification["datasets"][data["name"]]
        names |= dict.fromkeys(record["panel"] for record in records)
    return list(names)


def test_experiments_are_compared_on_the_prompts_that_all_have(
    made: GeometryTables, two: list[Collected]
) -> None:
    asked = figure("layers", at=[2, 8], series="experiment", shuffles=[0])
    found = drawn(asked, study(), two)
    assert set(found.rows["model"]) == {"a", "b"}
    assert set(found.rows["prompts"]) == {11}
    row: Any = rows_where(found.rows, model="a", layer=3, scale=8)
    kept = rows_where(made.dimension, model=MODELS[0], shuffle=0, layer=3, scale=8)
    values = kept[kept["prompt"] != 100]["value"]
    assert row["mean"].item() == pytest.approx(values.mean())
    assert row["standard_deviation"].item() == pytest.approx(values.std(ddof=0))
    assert panels_of(found.chart) == [
        f"{side}, scale {scale}"
        for scale in (2, 8)
        for side in ("prompt 101", "mean of 11 prompts")
    ]
    other = [two[0], experiment("b", made.where(model=MODELS[1], prompt=[105]), corpus="d")]
    apart = drawn(asked, study(), other)  # other texts: nothing to share
    assert set(rows_where(apart.rows, model="a")["prompts"]) == {12}


@pytest.mark.parametrize(
    ("kind", "fields", "panels"),
    [
        ("each", {"only": ["a"], "prompts": 3}, ["prompt 100", "prompt 101", "prompt 102"]),
        ("models", {"quantity": "cosine"}, ["a, prompt 101", "b, prompt 101"]),
        ("layers", {"quantity": "angle", "only": ["a"]}, ["prompt 100", "mean of 12 prompts"]),
        ("layers", {"quantity": "reciprocity", "at": [4], "only": ["b"]}, ["prompt 101"]),
        ("scales", {"only": ["a"], "depths": [0.5, 1.0]}, ["prompt 100, layer 3"]),
    ],
)
def test_every_kind_has_its_panels(
    two: list[Collected], kind: str, fields: dict, panels: list[str]
) -> None:
    assert panels_of(drawn(figure(kind, **fields), study(), two).chart)[: len(panels)] == panels


def test_correlations_and_scatter_are_those_of_the_prompts(
    made: GeometryTables, two: list[Collected]
) -> None:
    asked = figure("correlations", only=["a"], at=[4], given=["types"], methods=["pearson"])
    found = drawn(asked, study(), two)
    own = made.where(model=MODELS[0])
    merged = rows_where(own.dimension, layer=2, scale=4).merge(own.loss, on=["prompt", "shuffle"])
    for shuffle in (-1, 0, 5):
        pairs = merged if shuffle < 0 else merged[merged["shuffle"] == shuffle]
        keys = {"quantity": "dimension, scale 4", "layer": 2, "shuffle": shuffle, "given": ""}
        expected = stats.pearsonr(pairs["value_x"], pairs["value_y"])[0]
        assert rows_where(found.rows, **keys)["value"].item() == pytest.approx(expected)
    names = ("dimension, scale 4", "overlap, k = 8", "mean cosine")
    told = [f"{name}, Pearson{given}" for name in names for given in ("", ", given types")]
    assert panels_of(found.chart) == told
    scattered = drawn(figure("scatter", at=[4], shuffles=[0]), study(), two)
    assert len(scattered.rows) == 2 * 11
    for panel, part in scattered.rows.groupby("panel"):
        r = stats.pearsonr(part["value"], part["loss"])[0]
        assert str(panel).endswith(f"r = {r:.2f}")
        others = rows_where(found.rows, quantity="dimension, scale 4", shuffle=0)["value"].abs()
        assert abs(r) >= others.max() - 0.2


def test_checkpoints_are_lines_in_their_order(made: GeometryTables) -> None:
    one = made.where(model=MODELS[0], shuffle=0)
    tables = {}
    for name, table in vars(one).items():
        steps = [table.assign(**RUN | {"checkpoint": c}) for c in ("40", "base", "5")]
        tables[name] = pd.concat(steps, ignore_index=True)
    run = experiment("a", GeometryTables(**tables))
    found = drawn(figure("layers", series="checkpoint"), study(), [run])
    assert list(dict.fromkeys(found.rows["model"])) == ["a, base", "a, step 5", "a, step 40"]
    shown = drawn(figure("layers"), study(), [run])  # the last step alone
    assert set(shown.rows["prompts"]) == {12}


def test_what_cannot_be_drawn_is_told(made: GeometryTables, two: list[Collected]) -> None:
    with pytest.raises(ValueError, match="a, b would be one line; name one in `only`"):
        drawn(figure("layers"), study(), two)
    with pytest.raises(ValueError, match="name one of the shuffles"):
        drawn(figure("layers", series="experiment"), study(), two)
    silent = GeometryTables(**vars(made) | {"loss": made.loss.assign(value=np.nan)})
    with pytest.raises(ValueError, match="no experiment has losses"):
        drawn(figure("scatter"), study(), [experiment("a", silent.where(model=MODELS[0]))])
    empty = GeometryTables(**{name: table.iloc[:0] for name, table in vars(made).items()})
    with pytest.raises(ValueError, match="no experiment has prompts"):
        drawn(figure("layers"), study(), [experiment("a", empty)])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "layers", "methods": ["pearson"]}, "methods is not for kind layers"),
        ({"kind": "layers", "quantity": "cosine", "at": [2]}, "at is not for cosine"),
        ({"kind": "models", "at": [2, 4]}, "must be one scale or k"),
    ],
)
def test_settings_of_another_kind_are_refused(fields: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        figure(**fields)
    with pytest.raises(ValidationError, match="only: c is no case; there are a, b"):
        study(prompt_figures=[{"kind": "layers", "title": "T", "only": ["c"]}])
    with pytest.raises(ValidationError, match="a study has at least one"):
        study(prompt_figures=[])


def test_the_page_tells_of_peaks_and_of_the_search(two: list[Collected]) -> None:
    more = [figure("layers", only=["a"]), figure("correlations", only=["a"], at=[2])]
    asked = study(prompt_figures=[one.model_dump(exclude_unset=True) for one in more])
    stems = report._stems(more)
    assert stems == ["prompt_dimension_layers", "prompt_correlations"]
    shown: Any = [
        (one, stem, drawn(one, asked, two).told) for one, stem in zip(more, stems, strict=True)
    ]
    text = page.page("s", asked, two, shown)
    assert "Where the mean over prompts is largest" in text
    assert "too large by chance" in text
    largest = shown[1][2]
    assert len(largest) == 3 * 2 * 7  # quantities, methods, shuffles and all of them
    every: Any = rows_where(drawn(more[1], asked, two).rows, quantity="mean cosine", shuffle=5)
    for row in rows_where(largest, quantity="mean cosine", shuffle=5).to_dict("records"):
        own = every[every["method"] == row["method"]]["value"]
        assert abs(row["value"]) == own.abs().max()
    assert "![T](prompt_correlations.svg)" in text
