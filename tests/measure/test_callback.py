"""A callback that changes nothing of a training, keeps to its budget, and is heard."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

from lm_geometry.measure.budget import Budget
from lm_geometry.measure.callback import LocalDimensionCallback
from lm_geometry.measure.compared import compare
from tests.conftest import TinyModel
from tests.measure.training import SMALL, TEXTS, trained
from tests.measure.words import documents

KEY = "local_dimension/layer_3"


class Heard(TrainerCallback):
    """What the Trainer's log brings."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.logs.append({"step": state.global_step, **logs})


COMPILED = {"torch_compile": True, "torch_compile_backend": "eager"}
MIXED = {"activation_checkpointing": True, "bf16": True, "gradient_accumulation_steps": 2}


@pytest.mark.parametrize("more", [{}, MIXED, pytest.param(COMPILED, marks=pytest.mark.slow)])
def test_trained_weights_are_bit_equal_with_and_without_it(
    tiny_models: dict[str, TinyModel], tmp_path: Path, more: dict[str, Any]
) -> None:
    tiny = tiny_models["llama"]
    watch = LocalDimensionCallback(TEXTS, every=1, budget=None, **SMALL)
    _, without = trained(tiny.folder, tmp_path / "without", [], **more)
    _, watched = trained(tiny.folder, tmp_path / "with", [watch], **more)
    assert len(watch.history) == 7
    assert all(torch.equal(without[name], own) for name, own in watched.items())
    assert watch.history[0][KEY] != watch.history[-1][KEY]


def test_values_are_heard_by_the_log_the_state_and_the_file(
    tiny_models: dict[str, TinyModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = Heard()
    watch = LocalDimensionCallback(TEXTS, every=2, budget=None, **SMALL)
    trainer, _ = trained(tiny_models["llama"].folder, tmp_path, [heard, watch])
    written = (tmp_path / "local_dimension.jsonl").read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    assert lines == watch.history
    assert [line["step"] for line in lines] == [0, 2, 4, 6]
    in_state = [entry for entry in trainer.state.log_history if KEY in entry]
    in_log = [entry for entry in heard.logs if KEY in entry]
    for found in (in_state, in_log):
        assert [{k: v for k, v in e.items() if k != "epoch"} for e in found] == lines
    # The Trainer's own log is as it was: step 6 is one of both.
    assert [e["step"] for e in heard.logs if "loss" in e] == [3, 6]
    assert f"{KEY}/change" not in lines[0]
    assert lines[1][f"{KEY}/change_lower"] < lines[1][f"{KEY}/change"]
    assert lines[1][f"{KEY}/lower"] < lines[1][KEY] < lines[1][f"{KEY}/upper"]
    assert "4 measurements took" in capsys.readouterr().out
    chart = watch.figure().to_dict()
    drawn = chart["datasets"][chart["data"]["name"]]
    means = [point["value"] for point in drawn if point["kind"] == "mean local dimension"]
    assert means == [line[KEY] for line in lines]
    ends = [point["lower"] for point in drawn if point["kind"] != "mean local dimension"]
    assert ends == [line[f"{KEY}/change_lower"] for line in lines[1:]]


def test_a_change_is_that_of_the_two_models_on_the_same_tokens(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    options: Any = SMALL | {"drop": ["eos", "first"]}
    watch = LocalDimensionCallback(TEXTS, every=6, budget=None, **options)
    trainer, _ = trained(tiny_models["llama"].folder, tmp_path, [watch])
    before = AutoModelForCausalLM.from_pretrained(tiny_models["llama"].folder)
    tokenizer = AutoTokenizer.from_pretrained(tiny_models["llama"].folder)
    options |= {"exclude": ["document"], "prepared": 4000, "points": 120}
    found = compare(before, trainer.model, TEXTS, [-1], tokenizer=tokenizer, **options)
    row = found.table.iloc[0]
    last = watch.history[-1]
    ends = [last[f"{KEY}/{name}"] for name in ("change", "change_lower", "change_upper")]
    np.testing.assert_array_equal(ends, row[["mean", "lower", "upper"]].to_numpy(float))
    assert last[KEY] == found.other.table["mean"].iloc[0]


def test_a_resumed_training_goes_on_from_the_same_start(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny, keep = tiny_models["llama"], {"save_strategy": "steps", "save_steps": 3}
    whole = LocalDimensionCallback(TEXTS, every=1, budget=None, **SMALL)
    trained(tiny.folder, tmp_path, [whole], **keep)
    expected = without_seconds(tmp_path / "local_dimension.jsonl")
    again = LocalDimensionCallback(TEXTS, every=1, budget=None, **SMALL)
    trained(tiny.folder, tmp_path, [again], **keep)  # from checkpoint-3
    assert [line["step"] for line in again.history] == [4, 5, 6]  # step 3 was measured
    assert without_seconds(tmp_path / "local_dimension.jsonl") == expected
    others = LocalDimensionCallback(TEXTS[:-1], every=1, budget=None, **SMALL)
    with pytest.raises(ValueError, match="not those that this training began with"):
        trained(tiny.folder, tmp_path, [others], **keep)


def without_seconds(path: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.endswith("seconds")} for line in lines]


def test_a_plain_loop_keeps_its_gradients_and_its_dropout(
    tiny_models: dict[str, TinyModel],
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_models["gpt2"].folder)
    results = []
    for watched in (False, True):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_pretrained(tiny_models["gpt2"].folder).train()
        watch = LocalDimensionCallback(
            TEXTS, [1, -1], every=1, budget=None, tokenizer=tokenizer, **SMALL
        )
        optimiser, found = torch.optim.AdamW(model.parameters(), lr=1e-2), []
        for step in range(3):
            batch = tokenizer(TEXTS[step], return_tensors="pt")
            model(**batch, labels=batch["input_ids"]).loss.backward()
            if watched:  # between backward pass and step
                found.append(watch.step(model, step))
            optimiser.step()
            optimiser.zero_grad()
        results.append({name: own.clone() for name, own in model.state_dict().items()})
    assert all(torch.equal(results[0][name], own) for name, own in results[1].items())
    assert {"local_dimension/layer_1", "local_dimension/layer_2"} <= found[2].keys()
    assert not list(Path().glob("local_dimension*"))  # no file where none was asked for


def test_a_control_tells_how_much_more_the_probe_set_changed(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    control = documents(16, seed=1)
    both = LocalDimensionCallback(TEXTS, every=3, budget=None, control=control, **SMALL)
    trained(tiny_models["llama"].folder, tmp_path / "both", [both])
    alone = LocalDimensionCallback(control, every=3, budget=None, **SMALL)
    trained(tiny_models["llama"].folder, tmp_path / "alone", [alone])
    for found, expected in zip(both.history, alone.history, strict=True):
        names = {n: n.replace("dimension/", "dimension/control/") for n in expected if KEY in n}
        assert all(found[names[n]] == expected[n] for n in names)
    last = both.history[-1]
    change, of_control = last[f"{KEY}/change"], alone.history[-1][f"{KEY}/change"]
    beyond = f"{KEY}/beyond_control"
    assert last[beyond] == change - of_control
    widths = [line[f"{KEY}/change_upper"] - line[f"{KEY}/change"] for line in (last, last)]
    assert last[f"{beyond}_upper"] - last[beyond] > 0.7 * widths[0]
    assert beyond not in both.history[0]
    with pytest.raises(ValueError, match="control: 1 of its texts are among those"):
        LocalDimensionCallback(TEXTS, control=[*control, TEXTS[0]], **SMALL)


COSTS = st.lists(st.floats(0.01, 5), min_size=200, max_size=200)


@settings(deadline=None)  # of a busy machine
@given(every=st.integers(1, 9), share=st.floats(0.01, 0.9), costs=COSTS, pace=st.floats(0.01, 2))
def test_measurements_keep_to_their_share_and_their_distance(
    every: int, share: float, costs: list[float], pace: float
) -> None:
    now = 0.0
    budget = Budget(every, share, lambda: now)
    steps, largest = [], 0.0
    for step in range(200):
        if budget.due(step):
            with budget.timed(step):
                now += costs[step]
            largest = max(largest, costs[step])
            steps.append(step)
            # Beyond the first, one exceeds what it was thought to take by at most its own cost.
            assert len(steps) == 1 or budget.spent <= share * now + largest
        now += pace
    assert steps[0] == 0
    assert all(later - before >= every for before, later in itertools.pairwise(steps))


def test_equal_costs_are_within_the_share_and_as_often_as_it_lets_them() -> None:
    now = 0.0
    budget = Budget(10, 0.02, lambda: now)
    steps = []
    for step in range(5000):
        if budget.due(step):
            with budget.timed(step):
                now += 1.0
            steps.append(step)
            assert len(steps) == 1 or budget.spent <= 0.02 * now + 1e-9
        now += 0.5
    # A second of 50 s, which are 98 steps of half a second beside it; the first counts as well.
    assert np.diff(steps).tolist() == [196] + [98] * 49
    unlimited = Budget(10, None)
    assert [step for step in range(25) if unlimited.due(step) and not _spend(unlimited, step)] == [
        0,
        10,
        20,
    ]
    with pytest.raises(ValueError, match="every is 0"):
        Budget(0, None)
    with pytest.raises(ValueError, match="budget is 2"):
        Budget(1, 2)


def _spend(budget: Budget, step: int) -> None:
    with budget.timed(step):
        pass


def test_which_way_it_goes_is_logged_and_goes_on_after_a_resume(
    tiny_models: dict[str, TinyModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_models["llama"].folder
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def watch() -> LocalDimensionCallback:
        own = {"file": tmp_path / "log.jsonl", "tokenizer": tokenizer}
        return LocalDimensionCallback(TEXTS, every=1, budget=None, **own, **SMALL)

    first = watch()
    for step in range(4):  # the model stays as it is
        first.step(model, step)
    assert f"{KEY}/course" not in first.history[1]
    assert [entry[f"{KEY}/course"] for entry in first.history[2:]] == [0.0, 0.0]
    assert capsys.readouterr().out.count("local_dimension: flat at step 2") == 1
    again = watch()
    again.step(model, 4)
    assert again.step(model, 5)[f"{KEY}/course"] == 0.0
    assert "flat" not in capsys.readouterr().out  # which was said already
