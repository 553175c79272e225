"""What other people's runs recorded: read as our own scores, each error with its line."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lm_geometry.aggregate.heuristic import held_out, heuristic_pairs
from lm_geometry.aggregate.means import ESTIMATE
from lm_geometry.aggregate.scores import score_rows
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.recorded.lines import number_in
from lm_geometry.finetune.recorded.scores import recorded
from lm_geometry.outs.finetune.training_run import read_training_run
from lm_geometry.workspace.files import read_json
from tests.conftest import TinyModel
from tests.finetune.test_run import prepare_training

STEPS = [1775, 3550]
PREFIX = "05/17/2025 10:11:12 - INFO - __main__ - "
LOG = f"""{PREFIX}Training for epoch 1 out of 50
{PREFIX}Training loss: 1e-05
{PREFIX}Validation loss: 0.75
{PREFIX}Validation F1 scores: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
Test F1 scores: [np.float64(0.11), np.float64(2.5e-01), 0.3, 0.4, 0.5, np.float64(0.61)]
an ordinary line
{PREFIX}Training for epoch 2 out of 50
{PREFIX}Training loss: nan
{PREFIX}Validation loss: 1.25e+00
"""


def tracked_run(folder: Path) -> Path:
    """The score files of a run of TripPy-R, best checkpoint first in the log."""
    folder.mkdir()
    for split, loss in (("train", 0.5), ("dev", 0.75)):
        entries = [
            {
                "loss": loss / (number + 1),
                "cl_loss": 1e-05,
                "eval_accuracy_goal": 0.9,
                "eval_accuracy_class_hotel-area": 1.0,
                "checkpoint_name": f"checkpoint-{step}",
            }
            for number, step in enumerate(STEPS)
        ]
        (folder / f"eval_res.{split}.json").write_text(json.dumps(entries))
    lines = [f"Joint goal acc: 0.5{step}, /a/pred_res.dev.checkpoint-{step}.json" for step in STEPS]
    (folder / "eval_pred_dev.1.0.log").write_text("\n".join(["other", *lines[::-1], ""]))
    (folder / "eval_pred_dev.0.5.log").write_text("Joint goal acc: of another threshold")
    (folder / "train.log").write_text("not of scores")
    return folder


def table_of(found: Any) -> dict[tuple[int, str, str], float]:
    return {(r["step"], r["score"], r["split"]): r["value"] for r in found["scores"]}


def test_scores_of_trippy_are_read_by_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = recorded([f"file:{tracked_run(tmp_path / 'results.40')}"], [*STEPS, 5325])
    expected = {}
    for number, step in enumerate(STEPS, 1):
        for split, loss in (("train", 0.5), ("validation", 0.75)):
            expected[step, "loss", split] = loss / number
            expected[step, "loss_class", split] = 1e-05
            expected[step, "turn_accuracy", split] = 0.9
        expected[step, "joint_goal_accuracy", "validation"] = float(f"0.5{step}")
    assert table_of(found) == expected
    curve = {(r["step"], r["curve"]): r["loss"] for r in found["curve"]}
    assert curve == {
        (1775, "training"): 0.5,
        (3550, "training"): 0.25,
        (1775, "validation"): 0.75,
        (3550, "validation"): 0.375,
    }
    told = capsys.readouterr().out
    assert "1 scores of single slots are left out" in told
    assert "checkpoints without scores: [5325]" in told


def test_the_log_of_an_emotion_run_is_read_by_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.txt").write_text(LOG)
    found = table_of(recorded([f"file:{tmp_path}"], [1, 2]))
    assert found[1, "loss", "train"] == 1e-05
    assert found[2, "loss", "validation"] == 1.25
    assert (2, "loss", "train") not in found
    assert f"{tmp_path}/log.txt, line 8: loss is nan, and left out" in capsys.readouterr().out
    assert found[1, "f1_macro_without_neutral", "validation"] == 0.2
    assert found[1, "f1_micro_without_neutral", "test"] == 0.11
    assert found[1, "f1_macro_without_neutral", "test"] == 0.25
    assert found[1, "f1_weighted", "test"] == 0.61
    assert len(found) == 3 + 12


def test_an_epoch_0_is_no_state_before_training(tmp_path: Path) -> None:
    log = LOG.replace("epoch 1 out", "epoch 0 out").replace("epoch 2 out", "epoch 1 out")
    for name, content in (("from_1", LOG), ("from_0", log)):
        (tmp_path / f"{name}.log").write_text(content)
    from_0, from_1 = (recorded([f"file:{tmp_path}/from_{n}.log"], [1, 2]) for n in (0, 1))
    assert table_of(from_0) == table_of(from_1)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("log.txt", "Training loss: 1.0", "line 1: a loss before any epoch"),
        ("log.txt", LOG + "Test loss: 0.5x", "line 10: '0.5x' is no number"),
        ("log.txt", LOG + "Test loss: ", "line 10: '' is no number"),
        ("log.txt", LOG + "Test F1 scores: [1, 2]", r"line 10: no list of 6 F1 scores: '\[1, 2\]'"),
        ("log.txt", LOG + "Test F1 scores: [1, 2, 3", "line 10: no list of 6"),
        ("log.txt", LOG + LOG, "line 10: epoch 1 begins after epoch 2"),
        ("log.txt", LOG + "Validation loss: 1.5", r"has loss of step 2 \(validation\) twice"),
        ("log.txt", "nothing of it", "tells of no epoch"),
        ("eval_pred_dev.1.0.log", "\nJoint goal acc: 0.5", "line 2: no accuracy with a checkpoint"),
        (
            "eval_pred_dev.1.0.log",
            "Joint goal acc: 0.5.1, a/checkpoint-5.json",
            r"line 1: '0\.5\.1' is no number",
        ),
        (
            "eval_pred_test.1.0.log",
            "Joint goal acc: 55.1, a/checkpoint-5.json",
            r"line 1: 55\.1 is no accuracy",
        ),
        ("eval_res.dev.json", "[{]", "is no JSON"),
        ("eval_res.dev.json", "{}", "is no list"),
        ("eval_res.dev.json", '[{"loss": 1}]', "entry 0: its checkpoint_name is None"),
        (
            "eval_res.dev.json",
            '[{"loss": "low", "checkpoint_name": "checkpoint-5"}]',
            "entry 0: loss is 'low', not a number",
        ),
        ("scores.csv", "step,loss", "no file of scores that is known by its name"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=told) as caught:
        recorded([f"file:{tmp_path}"], [1, 2, 5])
    assert str(tmp_path) in str(caught.value)


def test_scores_of_other_checkpoints_are_refused(tmp_path: Path) -> None:
    folder = tracked_run(tmp_path / "results.40")
    with pytest.raises(ValueError, match=r"steps \[1775, 3550\] are none of model\.checkpoints"):
        recorded([f"file:{folder}"], [1, 2])
    with pytest.raises(ValueError, match="there is no"):
        recorded([f"file:{tmp_path}/nowhere"], STEPS)
    with pytest.raises(
        ValidationError, match="recorded_scores: are read with checkpoints of others"
    ):
        Finetune.model_validate({"recorded_scores": ["file:x"]})


@settings(max_examples=200)
@given(st.floats(allow_nan=False))
def test_every_number_is_read_as_python_writes_it(value: float) -> None:
    for text in (repr(value), f" {value!r} ", repr(np.float64(value)), f"float32({value!r})"):
        assert number_in(text, "here") == value
    assert math.isnan(number_in("np.float64(nan)", "here"))


def test_recorded_scores_are_those_of_a_run(
    project: Path, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = tracked_run(tmp_path / "results.40")
    prepare_training()
    series = [{"step": step, "source": f"file:{step}", "content": str(step)} for step in STEPS]
    source = type(tiny_models["bert"].source)(
        **tiny_models["bert"].source.record() | {"series": series}
    )
    asked = Finetune.model_validate({"task": "none", "recorded_scores": [f"file:{folder}"]})
    training_run.train(source, asked)
    run = read_training_run()
    assert {row["split"] for row in run.scores} == {"train", "validation"}
    drawn = read_json(project / "plots" / "training.json")
    measures = {(row["measure"], row["curve"]) for row in drawn}
    assert {("loss", "training"), ("joint goal accuracy", "validation")} <= measures
    assert len(drawn) == 2 * (2 + 2 * 2 + 1)  # steps: loss, two more of either split, joint goal
    means = pd.DataFrame(
        {name: ["a", "a", "a"] for name in ESTIMATE}
        | {"checkpoint": ["base", *map(str, STEPS)], "corpus": run.corpus, "level": "token"}
        | {"mean": [9.0, 8.0, 7.0], "lower": 0.0, "upper": 0.0}
    )
    joined = pd.DataFrame(score_rows(means))
    goals = joined[joined["score"] == "joint_goal_accuracy"]
    assert list(goals["score_value"]) == [0.51775, 0.53550]
    assert list(goals["mean"]) == [8.0, 7.0]
    pairs = heuristic_pairs(means, held_out(run.scores))
    parts = pairs[(pairs["score"] == "loss") & (pairs["until"] == "next")]
    assert len(parts)
    assert (parts["improvement"] > 0).all()  # the loss falls
