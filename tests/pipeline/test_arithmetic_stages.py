"""Modular arithmetic in the six stages, in a project folder, with equations modulo 13."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.run import write_results
from lm_geometry.aggregate.tables import read_aggregated
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import DataPrep, Model
from lm_geometry.data_prep.prompts.run import prepare_prompts
from lm_geometry.data_prep.run import prepare_corpora
from lm_geometry.embed.params import Embed
from lm_geometry.embed.prompts.run import embed_prompts
from lm_geometry.embed.run import embed
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.prompts import estimate_prompts
from lm_geometry.estimate.run import estimate
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.arithmetic.equations import SIGNS, make_equations
from lm_geometry.models.arithmetic.model import make_model
from lm_geometry.models.arithmetic.saved_model import load_model
from lm_geometry.outs.data_prep.corpora import CorpusSplit, read_evaluated, read_training
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.hidden_states import read_states, read_tokens
from lm_geometry.outs.finetune.checkpoints import with_sizes
from lm_geometry.outs.token_sample.clouds import read_cloud, read_clouds
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.token_sample.prompts import write_prompt_clouds
from lm_geometry.token_sample.run import write_clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json, write_json

SPLITS = ["train", "validation"]
DATA = DataPrep.model_validate(
    {
        "train": "equations",
        "evaluate": ["equations"],
        "splits": SPLITS,
        "sequences": "all",
        "prompts": {"count": 0},
        "equations": {"modulus": 13, "train_fraction": 0.5, "seed": 7},
    }
)
FINETUNE = Finetune.model_validate(
    {
        "task": "modular_arithmetic",
        "method": "full",
        "steps": 20,
        "checkpoints": "every 10",
        "batch_size": 32,
        "weight_decay": 1.0,
        "arithmetic": {"width": 32, "heads": 2, "head_width": 16, "evaluate_every": 5},
    }
)
SOURCE = ModelSource(
    "modular-arithmetic", "M", "finetune.arithmetic", "arithmetic", 2, 32, "drawn", seed=0
)
KEPT = 120


@pytest.fixture
def embedded(project: Path) -> Path:
    """A project in which the first three stages have run."""
    prepare_corpora(DATA)
    prepare_prompts(DATA.prompts, DATA, Model.model_validate({"name": "modular-arithmetic"}))
    write_json(paths.MODEL, SOURCE.record())
    training_run.train(SOURCE, FINETUNE)
    settings = {"layers": [1, 2], "keep_tokens": KEPT, "batch_tokens": 64}
    embed(SOURCE, Embed.model_validate(settings), seed=3)
    embed_prompts(SOURCE, Embed.model_validate(settings))
    return project


def test_equations_are_prepared_whole_and_in_the_order_of_the_draw(project: Path) -> None:
    counts = prepare_corpora(DATA)
    made = make_equations(DATA.equations)
    assert [c["chosen"] for c in counts] == [84, 85, 84, 85]
    training = read_training()
    for split, place in zip(SPLITS, read_evaluated().splits, strict=True):
        expected = made.columns(split)
        assert training.columns(split)["text"] == expected["text"]
        assert training.columns(split).get("result") == expected["result"]
        assert (place.corpus, place.split, place.private) == ("equations", split, "")
        assert place.read()["text"].tolist() == expected["text"]


def test_the_model_of_the_catalogue_has_the_sizes_of_its_training(embedded: Path) -> None:
    source = resolve(Model.model_validate({"name": "modular-arithmetic"}), seed=5)
    assert (source.kind, source.layers, source.width) == ("arithmetic", 0, 0)
    sized = with_sizes(source)
    assert (sized.layers, sized.width) == (FINETUNE.arithmetic.layers, FINETUNE.arithmetic.width)
    assert source.weights == "drawn by finetune.seed"


def test_checkpoints_and_scores_are_those_of_the_training(embedded: Path) -> None:
    there = sorted(folder.name for folder in paths.CHECKPOINTS.iterdir())
    assert there == ["10", "20", "base", "index.json"]
    untrained = make_model(FINETUNE.arithmetic, 13, FINETUNE.seed)
    base = load_model(paths.CHECKPOINTS / "base")
    for name, weight in untrained.state_dict().items():
        assert torch.equal(base.state_dict()[name], weight)
    scores = {
        (row["step"], row["split"], row["score"]): row["value"] for row in read_json(paths.SCORES)
    }
    assert len(scores) == 5 * 2 * 3
    made = make_equations(DATA.equations)
    for step in (10, 20):
        model = load_model(paths.CHECKPOINTS / str(step))
        for split in SPLITS:
            part = getattr(made, split)
            with torch.no_grad():
                logits = model(torch.from_numpy(part.ids))
            results = torch.from_numpy(part.results)
            accuracy = float((logits.argmax(-1) == results).double().mean())
            loss = float(torch.nn.functional.cross_entropy(logits, results))
            assert scores[step, split, "accuracy"] == pytest.approx(accuracy)
            assert scores[step, split, "loss"] == pytest.approx(loss, abs=1e-5)
    assert {row["curve"] for row in read_json(paths.LOSS_CURVE)} == {"training", "validation"}


def test_states_are_those_of_the_plain_model_and_no_two_tokens_are_one(embedded: Path) -> None:
    made = make_equations(DATA.equations)
    for split in SPLITS:
        place = CorpusSplit("equations", split)
        table = read_tokens(place)
        assert len(table) == KEPT
        part = getattr(made, split)
        sequence, position = table["sequence"].to_numpy(), table["position"].to_numpy()
        ids = part.ids[sequence]
        prefixes = {tuple(row[: p + 1]) for row, p in zip(ids, position, strict=True)}
        assert len(prefixes) == KEPT
        np.testing.assert_array_equal(table["operand"], np.isin(position, (0, 2)))
        np.testing.assert_array_equal(table["a"], ids[:, 0] - SIGNS)
        np.testing.assert_array_equal(table["b"], ids[:, 2] - SIGNS)
        np.testing.assert_array_equal((table["a"] - table["b"]) % 13, table["result"])
        for name in ("base", "10", "20"):
            model = load_model(paths.CHECKPOINTS / name)
            with torch.no_grad():
                plain = model.hidden_states(torch.from_numpy(part.ids))
            for layer in (1, 2):
                found = read_states(name, place, layer)
                expected = plain[layer].numpy()[sequence, position]
                np.testing.assert_allclose(found, expected, atol=1e-5)
                assert len(np.unique(found, axis=0)) == KEPT


def test_clouds_are_of_all_tokens_or_of_operands(embedded: Path) -> None:
    chosen = {"drop": ["pad"], "mask": "operand", "prepared": KEPT, "points": 100}
    write_clouds(TokenSample.model_validate(chosen))
    for cloud in read_clouds():
        points, rows = read_cloud(cloud)
        table = read_tokens(cloud.split)
        assert set(rows) == set(np.flatnonzero(table["operand"]))
        assert len(np.unique(points, axis=0)) == len(points)


def test_later_stages_need_to_know_nothing_of_equations(embedded: Path) -> None:
    chosen = {"drop": ["pad"], "prepared": KEPT, "points": 100}
    write_clouds(TokenSample.model_validate(chosen))
    write_prompt_clouds()
    asked: dict[str, Any] = {"estimators": ["twonn"], "n_neighbors": [20], "gride_range": 0}
    settings = Estimate.model_validate(asked)
    estimate(settings)
    estimate_prompts()
    write_results(Aggregate.model_validate({"layer": 2}))
    assert read_json(paths.METRICS / "summary.json")["points"] == 100
    means = read_aggregated("means")
    cells = means.loc[(means["level"] == "token") & (means["exclude"] == "none")]
    assert len(cells) == 3 * 2 * 2  # checkpoints, splits, layers
    assert cells["mean"].between(1, 32).all()
    heuristic = read_aggregated("heuristic")
    assert set(heuristic["score"]) == {"accuracy", "loss"}
    assert set(heuristic["score_split"]) == {"validation"}
    scores = read_aggregated("scores")
    assert len(scores) == len(means) * 2 * 3  # splits, measures


def test_the_disk_that_is_needed_is_told_before(
    embedded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embed(SOURCE, Embed.model_validate({"layers": [2], "keep_tokens": 50}), seed=3)
    needed = 4 * 100 * 32 * 3 / 1e6
    assert f"hidden states of 100 tokens: {needed:,.1f} MB" in capsys.readouterr().out
