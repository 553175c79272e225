"""The study `grokking_small`, its first run, measured more rarely: it groks, and is drawn."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.run import write_results
from lm_geometry.aggregate.tables import read_aggregated
from lm_geometry.commands.cli import main
from lm_geometry.data_prep.params import DataPrep, Model
from lm_geometry.data_prep.prompts.run import prepare_prompts
from lm_geometry.data_prep.run import prepare_corpora
from lm_geometry.embed.params import Embed
from lm_geometry.embed.prompts.run import embed_prompts
from lm_geometry.embed.run import embed
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.prompts import estimate_prompts
from lm_geometry.estimate.run import estimate
from lm_geometry.experiments.experiment import Project
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.params import Finetune
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.hidden_states import read_tokens
from lm_geometry.params.sections import Params
from lm_geometry.projections.choice import choose
from lm_geometry.projections.mapped import map_tokens
from lm_geometry.studies.definition import read_study
from lm_geometry.studies.figures import over_steps
from lm_geometry.studies.grid import experiments
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.token_sample.prompts import write_prompt_clouds
from lm_geometry.token_sample.run import write_clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE

STUDY = read_study("grokking_small")
FIRST = experiments("grokking_small", STUDY)[0]
STEPS = [50, 100, 200, 300, 400, 500, 700]


@pytest.fixture
def collected(project: Path, monkeypatch: pytest.MonkeyPatch) -> Collected:
    """The study's first run, its six stages one after the other in this process."""
    params = copy.deepcopy(Project.read().params_of(FIRST.overrides))
    params["finetune"]["checkpoints"] = STEPS
    params["finetune"]["arithmetic"]["evaluate_every"] = 25
    data, finetune = (
        section.model_validate(params[section.name_in_params]) for section in (DataPrep, Finetune)
    )
    own = finetune.arithmetic
    sizes = ("arithmetic", own.layers, own.width, "drawn by finetune.seed")
    source = ModelSource(params["model"]["name"], "M", "finetune.arithmetic", *sizes, seed=0)
    prepare_corpora(data)
    prepare_prompts(data.prompts, data, Model.model_validate(params["model"]))
    write_json(paths.MODEL, source.record())
    training_run.train(source, finetune)
    embed(source, Embed.model_validate(params["embed"]), params["seed"])
    embed_prompts(source, Embed.model_validate(params["embed"]))
    write_clouds(TokenSample.model_validate(params["token_sample"]))
    write_prompt_clouds()
    estimates = Estimate.model_validate(params["estimate"])
    estimate(estimates)
    estimate_prompts()
    shown = Aggregate.model_validate(params["aggregate"])
    write_results(shown)
    monkeypatch.setattr(Aggregate, "read", classmethod(lambda cls: shown))
    tables = {"means": read_aggregated("means")}
    return Collected(FIRST, WORKSPACE, "c", "b", Params.of(params), source, tables)


@pytest.mark.slow
def test_it_memorises_generalises_and_its_dimension_falls(collected: Collected) -> None:
    drawn = (over_steps.curves, over_steps.leads)
    curves, leads = (
        draw(figure, STUDY, [collected], "m").runs
        for draw, figure in zip(drawn, STUDY.figures, strict=True)
    )
    table = curves.set_index(["split", "step"]).sort_index()
    accuracy = {split: table.loc[split]["accuracy"] for split in ("train", "validation")}
    assert accuracy["train"][100] > 0.99
    assert accuracy["validation"][100] < 0.2
    assert accuracy["validation"][700] > 0.95
    held_out = table.loc["validation"]["dimension"].dropna()
    assert list(held_out.index) == [0, *STEPS]
    assert 50 <= held_out.idxmax() <= 500
    assert held_out[700] < 0.75 * held_out.max()
    one = leads.set_index(["signal", "event", "milestone"])
    half = one.loc[("validation local dimension", "peak", 0.5)]
    assert 150 < half["milestone_step"] <= 600
    assert half["lead"] > 0
    assert half["event_step"] == held_out.idxmax()
    assert np.isfinite(one.loc[("validation local dimension", "fall", 0.5)]["lead"])
    assert set(one.index.get_level_values("signal")) == {
        *("train local dimension", "validation local dimension"),
        *("train loss", "validation loss", "weight norm"),
    }
    _assert_maps(collected)


def _assert_maps(collected: Collected) -> None:
    """Maps of the states at chosen checkpoints, coloured by estimate and by result."""
    asked = {"split": "validation", "checkpoint": ["50", "700"]}
    choice = choose(asked, Aggregate.read())
    points = map_tokens(choice, "result", 300, "tsne", 0)
    table = read_tokens(CorpusSplit("equations", "validation"))
    results: Any = table["result"].iloc[points["row"]]
    assert points["colour"].tolist() == results.tolist()
    assert results.nunique() > 40
    for step, part in points.groupby("checkpoint"):
        measured = choice.local(next(c for c in choice.clouds if c.checkpoint == step))
        expected = measured.reindex(part["row"])
        assert expected.notna().all()
        np.testing.assert_allclose(part["dimension"], expected, atol=1e-3)
    last = points[points["checkpoint"] == "700"]
    results_at = points.loc[last.index, "colour"].to_numpy()
    equals = (last["position"] == 3).to_numpy()
    first = points[points["checkpoint"] == "50"]
    assert _same_result_nearby(last[equals], results_at[equals]) > 0.8
    assert _same_result_nearby(first[equals], results_at[equals]) < 0.5
    place = paths.PLOTS / "maps"
    for colour in ("dimension", "result"):
        drawn = ["--split", "validation", "--checkpoint", "700", "--points", "60"]
        main(["project", *drawn, "--colour", colour, "--out", str(place)])
    stem = "equations-validation-layer-1-seed-0-700-tsne-0"
    names = {path.name for path in place.iterdir()}
    assert {f"{stem}-twonn-64.png", f"{stem}-result.html"} < names


def _same_result_nearby(points: pd.DataFrame, results: np.ndarray) -> float:
    """The share of points whose nearest one on the map has the same result."""
    places = points[["x", "y"]].to_numpy()
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((results[distances.argmin(axis=1)] == results).mean())
