"""Runs of a family: what is observed, kept, made once, and read again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lm_geometry.dimension import local_dimension
from lm_geometry.signals import signals
from lm_geometry.studies.signals.conducting import SignalConductor
from lm_geometry.studies.signals.definition import SignalStudy, planned, planned_run
from lm_geometry.studies.signals.kept_run import KeptRun
from lm_geometry.studies.signals.observed import Observation, Probe, Texts, losses_of
from lm_geometry.studies.signals.reading import can_be_read_again
from lm_geometry.studies.signals.run import make_run
from lm_geometry.studies.signals.tables import Tables
from tests.studies.signals.made_family import MADE, start, study

__all__ = ["study"]
SETTING = {"texts": 20.0, "learning_rate": 0.01}


def test_looking_changes_nothing_of_a_training() -> None:
    watched, alone = start(SETTING, 0), start(SETTING, 0)
    for step in (0, 3, 6):
        watched.run(step)
        watched.observe()
    alone.run(6)
    pairs = zip(watched.model.parameters(), alone.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_gradients_of_examples_are_those_of_one_backward_pass_each() -> None:
    training = start(SETTING, 0)
    seen = training.observe()
    ids, targets = (torch.from_numpy(part) for part in (training.train.ids, training.train.targets))
    each = []
    for row in range(len(ids)):
        training.model.zero_grad()
        losses_of(training.model(ids[row, None]), targets[row, None]).sum().backward()
        each.append(torch.cat([w.grad.flatten() for w in training.model.parameters()]).numpy())
    drawn = np.array(each)[:, training._drawn]
    np.testing.assert_allclose(seen.example_gradients, drawn, atol=1e-6)
    flat = np.concatenate([array.ravel() for array in seen.gradients.values()])
    np.testing.assert_allclose(flat, np.mean(each, axis=0), atol=1e-6)
    losses = losses_of(training.model(ids), targets).detach().numpy()
    np.testing.assert_allclose(seen.example_losses, losses, rtol=1e-5)


def test_tokens_that_see_the_same_are_copies() -> None:
    ids = np.array([[1, 2, 3], [1, 2, 4], [1, 2, 3]])
    texts = Texts(ids, np.arange(3), np.arange(3))
    causal, whole = (Probe.of(texts, causal=causal).distinct for causal in (True, False))
    assert causal.tolist() == [True] * 3 + [False, False, True] + [False] * 3
    assert whole.tolist() == [True] * 6 + [False] * 3


def test_what_is_kept_has_the_local_dimension_of_what_was_seen() -> None:
    generator = np.random.default_rng(0)
    states = generator.standard_normal((600, 5)) @ generator.standard_normal((5, 64)) + 3000
    stored = states.astype(np.float32)
    seen = Observation(0, stored, stored, {}, {}, stored, stored[0], stored[0], 0.0)
    kept = KeptRun(np.arange(600), np.ones(600, bool), None, np.arange(64), *([] for _ in range(6)))
    kept.add(seen)
    mean = np.mean(local_dimension(states, 128))
    again = np.mean(local_dimension(kept.states(0), 128))
    assert again == pytest.approx(mean, rel=5e-3)
    plain = np.mean(local_dimension(states.astype(np.float16).astype(np.float32), 128))
    assert plain > 1.05 * mean  # without the mean taken out


def test_a_run_is_the_same_twice_and_its_file_has_it(tmp_path: Path, study: SignalStudy) -> None:
    one = planned_run(MADE, SETTING, 0)
    first, second = (make_run("made", one, tmp_path / f"{i}.npz") for i in range(2))
    pd.testing.assert_frame_equal(first.steps, second.steps)
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()
    assert set(signals()) <= set(first.steps)  # every declared signal is read
    kept = KeptRun.read(tmp_path / "0.npz")
    assert kept.steps == MADE.measured == first.steps["step"].tolist()
    means = kept.losses.mean(axis=1)
    np.testing.assert_allclose(first.steps["validation_loss"], means)
    assert np.isfinite(first.runs["event"].iloc[0])  # 20 texts are learned by heart


def test_a_run_that_is_there_is_not_made_again(
    tmp_path: Path, study: SignalStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    conductor = SignalConductor(
        "signals/made",
        study,
        results=tmp_path,
        states=tmp_path / "s",
        tracked=False,
        say=said.append,
    )
    conductor.conduct()
    folder = tmp_path / "made"
    whole = {file.name: file.read_bytes() for file in folder.iterdir()}
    tables = Tables.read(folder)
    assert tables.runs["run"].tolist() == sorted(one.name for one in planned(study, 2))
    assert sum("event" in line for line in said) == 4
    kept = tables.runs["run"] != "20-0.01-seed-1"  # as on a machine that has three of the four
    replace(tables, runs=tables.runs[kept]).write(folder, MADE.varied)
    said.clear()
    conductor.conduct()
    assert [line.partition(":")[0] for line in said if "event" in line] == ["20-0.01-seed-1"]
    for name in ("steps.csv",):
        assert (folder / name).read_bytes() == whole[name]
    other = replace(MADE, budget=44)
    monkeypatch.setattr("lm_geometry.studies.signals.definition.family_named", lambda _: other)
    with pytest.raises(ValueError, match="4 runs were made with other parameters, such as 20-"):
        conductor.conduct()


def test_a_new_signal_is_read_of_kept_states(tmp_path: Path, study: SignalStudy) -> None:
    conductor = SignalConductor(
        "signals/made", study, results=tmp_path, states=tmp_path / "s", tracked=False, say=str
    )
    tables = conductor.conduct()
    new = ["rankme", "curvature", "ildr", "hankel_dmd_residual", "gradient_acceleration"]
    assert all(can_be_read_again(signals()[name]) for name in new)
    assert not can_be_read_again(signals()["weight_norm"])
    before = tables.seconds[~tables.seconds["signal"].isin([*new, "weight_norm"])]
    short = replace(tables, steps=tables.steps.drop(columns=[*new, "weight_norm"]), seconds=before)
    short.write(conductor.folder, MADE.varied)
    again = conductor.conduct()
    key = ["run", "step"]
    one, other = (t.steps.sort_values(key).reset_index(drop=True) for t in (tables, again))
    for name in new:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-4, atol=1e-6)
    assert "weight_norm" not in other
    for file in (tmp_path / "s" / "made").iterdir():
        file.unlink()
    short.write(conductor.folder, MADE.varied)
    with pytest.raises(FileNotFoundError, match="dvc pull"):
        conductor.conduct()
