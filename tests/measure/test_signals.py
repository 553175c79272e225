"""Signals beside dimensions: of one model, of two on the same tokens, and of one in training."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_geometry.commands.cli import main
from lm_geometry.measure import call, compared
from lm_geometry.measure.call import measure
from lm_geometry.measure.callback import LocalDimensionCallback
from lm_geometry.measure.compared import compare
from lm_geometry.signals import mean_cosine, rankme
from tests.conftest import TinyModel
from tests.measure.training import SMALL, TEXTS, trained
from tests.measure.words import documents

NAMES = ["rankme", "mean_cosine", "distance_moved"]
FEW: Any = SMALL | {"exclude": ["document"], "prepared": 4000}
KEY = "local_dimension/layer_3"


def spied(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[Any]:
    """The states by model that are estimated, as they come."""
    heard, estimated = [], module.estimated

    def hearing(states: Any, *rest: Any) -> Any:
        heard.append(states)
        return estimated(states, *rest)

    monkeypatch.setattr(module, "estimated", hearing)
    return heard


def test_they_are_those_of_the_tokens_whose_dimensions_are_measured(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = spied(monkeypatch, call)
    folder = str(tiny_models["llama"].folder)
    found = measure(folder, TEXTS, [1, -1], signals=NAMES[:2], jackknife=10, **FEW)
    of_clouds = found.table[found.table["level"] == "cloud"].set_index(["layer", "estimator"])
    for layer, states in heard[0]["base"].items():
        rows = found.estimates.loc[found.estimates["layer"] == layer, "row"].unique()
        for name, signal in (("rankme", rankme), ("mean_cosine", mean_cosine)):
            row = of_clouds.loc[(layer, name)]
            assert row["mean"] == pytest.approx(signal(states[rows]), rel=1e-9)
            assert row["lower"] < row["mean"] < row["upper"]
            assert (row["points"], row["documents"]) == (len(rows), len(TEXTS))
    plain = measure(folder, TEXTS, [1, -1], jackknife=10, **FEW)
    pd.testing.assert_frame_equal(
        plain.table, found.table[found.table["level"] == "token"], check_exact=True
    )
    drawn = found.figure().to_dict()["datasets"]
    assert {point["series"].split(",")[0] for data in drawn.values() for point in data} == {"twonn"}


def test_fewer_documents_than_groups_have_intervals_as_well(
    tiny_models: dict[str, TinyModel],
) -> None:
    folder = str(tiny_models["llama"].folder)
    found = measure(folder, TEXTS[:6], [-1], signals=["rankme"], jackknife=10, **FEW).table
    of = found.set_index("estimator")
    assert of.loc[["twonn", "rankme"], "error"].eq("jackknife").all()
    assert of.loc[["twonn", "rankme"], "degrees"].eq(5).all()
    for name in ("twonn", "rankme"):
        assert of.loc[name, "lower"] < of.loc[name, "mean"] < of.loc[name, "upper"]


def test_no_signal_stands_without_the_number_of_massive_tokens(
    tiny_models: dict[str, TinyModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{number}.txt").write_text(text)
    few = ["--n-neighbors", "8", "--max-length", "32", "--layers", "-1", "--csv"]
    words = [str(tiny_models["llama"].folder), str(tmp_path), *few]
    main(["measure", *words, "--signals", "effective_rank", "alpha_req"])
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    of_clouds = table.loc[table["level"] == "cloud", "estimator"]
    assert of_clouds.tolist() == ["effective_rank", "alpha_req", "massive_tokens"]
    with pytest.raises(SystemExit) as told:
        main(["measure", *words, "--signals", "distance_moved"])
    assert "distance_moved is of two models" in str(told.value)


def test_two_models_are_compared_by_them_and_by_how_far_states_moved(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = spied(monkeypatch, compared)
    folder = tiny_models["llama"].folder
    one, other = (AutoModelForCausalLM.from_pretrained(folder) for _ in "ab")
    with torch.no_grad():
        other.model.layers[2].mlp.down_proj.weight.mul_(4)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = compare(one, other, TEXTS, [-1], tokenizer=tokenizer, signals=NAMES, **FEW)
    rows = found.other.estimates["row"].unique()
    before, after = (heard[0][name][3].astype(np.float64) for name in ("base", "other"))
    moved = float(np.linalg.norm(after[rows] - before[rows], axis=1).mean())
    table = found.table.set_index("estimator")
    assert table.loc["distance_moved", "mean"] == pytest.approx(moved, rel=1e-9)
    assert "distance_moved" not in set(found.one.table["estimator"])
    means = [own.table.set_index("estimator")["mean"] for own in (found.one, found.other)]
    for name in ("rankme", "mean_cosine", "massive_tokens", "twonn"):
        changed = means[1][name] - means[0][name]
        assert table.loc[name, "mean"] == pytest.approx(changed, rel=1e-6, abs=1e-12)
    row = table.loc["rankme"]
    assert row["mean"] != 0
    assert row["lower"] < row["mean"] < row["upper"]


def test_a_training_is_watched_by_them_and_goes_on_from_the_same_start(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny, keep = tiny_models["llama"], {"save_strategy": "steps", "save_steps": 3}

    def watch(**more: Any) -> LocalDimensionCallback:
        return LocalDimensionCallback(
            TEXTS, every=3, budget=None, signals=(*NAMES, "weight_norm"), **SMALL, **more
        )

    whole = watch(control=documents(16, seed=1))
    _, without = trained(tiny.folder, tmp_path / "without", [])
    trainer, watched = trained(tiny.folder, tmp_path, [whole], **keep)
    assert all(torch.equal(without[name], own) for name, own in watched.items())
    first, _, last = whole.history
    assert f"{KEY}/distance_moved" not in first
    before = AutoModelForCausalLM.from_pretrained(tiny.folder)
    tokenizer = AutoTokenizer.from_pretrained(tiny.folder)
    options = FEW | {"signals": NAMES, "drop": ["eos", "pad", "first"]}
    found = compare(before, trainer.model, TEXTS, [-1], tokenizer=tokenizer, **options)
    changed = found.table.set_index("estimator")
    for name, key in {"rankme": "rankme_change", "distance_moved": "distance_moved"}.items():
        ends = [last[f"{KEY}/{key}{end}"] for end in ("", "_lower", "_upper")]
        expected = changed.loc[name, ["mean", "lower", "upper"]].to_numpy(float)
        np.testing.assert_array_equal(ends, expected)
    assert last[f"{KEY}/massive_tokens"] >= 0
    control = last["local_dimension/control/layer_3/rankme_change"]
    beyond = f"{KEY}/rankme_beyond_control"
    assert last[beyond] == pytest.approx(last[f"{KEY}/rankme_change"] - control, rel=1e-12)
    squares = [float(w.detach().double().square().sum()) for w in trainer.model.parameters()]
    norm = last["local_dimension/weight_norm"]
    assert norm == pytest.approx(np.sqrt(sum(squares)), rel=1e-12)
    again = watch(control=documents(16, seed=1))
    trained(tiny.folder, tmp_path, [again], **keep)  # from checkpoint-3, which is measured already
    for old, new in zip(whole.history[2:], again.history, strict=True):
        seconds = "local_dimension/seconds"
        assert {**old, seconds: 0} == {**new, seconds: 0}
