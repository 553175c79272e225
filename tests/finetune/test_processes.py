"""Fine-tuning in two processes (gloo): the curves of one, and no byte lost when one is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.division import Division, Passes, division, refuse_undivided
from lm_geometry.finetune.fine_tuning import finetune
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.task import Example
from lm_geometry.finetune.together import ALONE
from lm_geometry.measure.in_finetune import TrainingObserver
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.files import read_json
from tests.conftest import TinyModel
from tests.finetune.test_run import COLUMNS, curve_of, files_of, prepare_training, run, settings_of
from tests.structure import ROOT

SECONDS = 240  # a hang fails
UNDROPPED = {"dropout": {"hidden": 0.0, "attention": 0.0}}

SCRIPT = "tests.finetune.trained_program"


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Any:
    """This machine's settings ask for two processes on the CPU."""
    monkeypatch.setenv("LM_GEOMETRY_TRAINING_PROCESSES", "2")
    monkeypatch.setenv("LM_GEOMETRY_DEVICE", "cpu")
    machine.machine.cache_clear()
    yield
    machine.machine.cache_clear()


def alone(source: ModelSource, settings: Finetune, work: Path) -> list[dict[str, Any]]:
    """The curve of the same run in one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LM_GEOMETRY_TRAINING_PROCESSES", "1")
        machine.machine.cache_clear()
        found = run(source, settings, work)
    machine.machine.cache_clear()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("llama", {"accumulate": 2, "schedule": "cosine"}),
        ("bert", {"task": "masked_lm", "method": "full", "batch_size": 1, "accumulate": 2}),
        ("bert", {"task": "sequence_classification", "evaluation_sequences": 5, "packing": False}),
    ],
)
def test_losses_and_weights_are_those_of_one_process(
    tiny_models: dict[str, TinyModel], tmp_path: Path, two: None, name: str, changes: dict[str, Any]
) -> None:
    source, settings = tiny_models[name].source, settings_of(**changes, **UNDROPPED_OF[name])
    ours, theirs = (
        run(source, settings, tmp_path / "two"),
        alone(source, settings, tmp_path / "one"),
    )
    for curve in ("training", "validation"):
        expected = curve_of(theirs, curve)
        assert curve_of(ours, curve) == pytest.approx(expected, rel=1e-4)
        assert len(set(expected.values())) > 3
    assert files_of(tmp_path / "two").keys() == files_of(tmp_path / "one").keys()
    for file in (tmp_path / "one" / "checkpoints").rglob("*.safetensors"):
        own = load_file(tmp_path / "two" / file.relative_to(tmp_path / "one"))
        for key, weight in load_file(file).items():
            torch.testing.assert_close(own[key], weight, rtol=1e-3, atol=2e-4)


UNDROPPED_OF: dict[str, dict[str, Any]] = {"llama": {}, "bert": UNDROPPED}


def words_of(source: ModelSource, settings: Finetune, work: Path, spread: bool) -> list[str]:
    """The words of a run as a program of its own."""
    given = work.with_suffix(".json")
    record = {"source": source.record(), "settings": settings.model_dump(), "columns": COLUMNS}
    given.write_text(json.dumps(record | {"work": str(work), "spread": spread}))
    return [sys.executable, "-m", SCRIPT, str(given)]


def started(words: list[str], spread: bool = False) -> "subprocess.Popen[str]":
    asked = {"LM_GEOMETRY_TRAINING_PROCESSES": "2", "LM_GEOMETRY_DEVICE": "cpu"}
    asked |= {"LM_GEOMETRY_SPREAD": "always" if spread else "auto"}
    environment = os.environ | asked | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(words, cwd=ROOT, env=environment, **pipes)


def trained_by(pid: int) -> list[int]:
    """The processes that train for the one that launched them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    named = {int(one): Path(f"/proc/{one}/cmdline").read_bytes() for one in children}
    return [one for one, words in named.items() if b"spawn_main" in words]


def told_until(process: "subprocess.Popen[str]", word: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(said)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_whichever_process_is_killed_all_leave_and_the_run_goes_on_to_the_same_bytes(
    tiny_models: dict[str, TinyModel], tmp_path: Path, two: None
) -> None:
    source = tiny_models["gpt2"].source
    settings = settings_of(lora={"dropout": 0.2}, steps=40, checkpoints=[4, 20, 40])
    run(source, settings, tmp_path / "whole")
    words = words_of(source, settings, tmp_path / "killed", spread=False)
    for victim, step in (("a process", 4), ("the launcher", 20)):
        process = started(words)
        said = told_until(process, f"step {step}:")
        training = trained_by(process.pid)
        assert len(training) == 2
        os.kill(training[1] if victim == "a process" else process.pid, signal.SIGKILL)
        said += process.communicate(timeout=SECONDS)[0]
        ended = process.returncode
        assert ended == (1 if victim == "a process" else -signal.SIGKILL), said
        if victim == "a process":
            assert "process 2 of 2 (LM_GEOMETRY_TRAINING_PROCESSES) was ended by SIGKILL" in said
        assert all_left(training)
        assert not (tmp_path / "killed" / "records.json").exists()
    process = started(words)
    said = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, said
    assert "step 4:" not in said
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize("method", ["lora", "full"])
def test_spread_weights_learn_the_same_and_outlive_a_kill(
    tiny_models: dict[str, TinyModel], tmp_path: Path, two: None, method: str
) -> None:
    source = tiny_models["llama"].source
    watch = {"every": 4, "layers": [1], "points": 60, "n_neighbors": 8, "exclude": "none"}
    watch["groups"] = 0
    settings = settings_of(method=method, steps=12, checkpoints=[4, 12], watch=watch)
    words = words_of(source, settings, tmp_path / "cut", spread=True)
    process = started(words, spread=True)
    said = told_until(process, "step 4:")
    training = trained_by(process.pid)
    os.kill(training[0], signal.SIGKILL)
    said += process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 1, said
    assert all_left(training)
    process = started(words, spread=True)
    said = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, said
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LM_GEOMETRY_TRAINING_PROCESSES", "1")
        machine.machine.cache_clear()
        columns: Any = COLUMNS
        given = columns, columns, tmp_path / "one"
        theirs: Any = finetune(source, settings, *given, observer=TrainingObserver())
    machine.machine.cache_clear()
    ours = read_json(tmp_path / "cut" / "records.json")
    assert ours["steps"] == theirs["steps"]
    for kind, number in (("curve", "loss"), ("scores", "value"), ("watched", "value")):
        assert list(map(named, ours[kind])) == list(map(named, theirs[kind]))
        expected = [one[number] for one in theirs[kind]]
        assert [one[number] for one in ours[kind]] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert {one["step"] for one in theirs["watched"]} == {0, 4, 8, 12}
    one, two_ = (files_of(tmp_path / name / "checkpoints") for name in ("one", "cut"))
    assert one.keys() == two_.keys()
    assert {n: one[n] for n in one if "config" in n} == {n: two_[n] for n in two_ if "config" in n}


def named(one: dict[str, Any]) -> dict[str, Any]:
    """What a number is of."""
    return {key: value for key, value in one.items() if isinstance(value, str | int)}


def all_left(processes: list[int]) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not any(is_running(one) for one in processes):
            return True
        time.sleep(0.1)
    return False


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_the_stage_leaves_the_same_outs_and_says_what_a_process_says(
    project: Path, tiny_models: dict[str, TinyModel], two: None
) -> None:
    source = tiny_models["llama"].source
    prepare_training()
    with pytest.raises(ValueError, match=r"^the validation loss is nan at step 2: training div"):
        training_run.train(source, settings_of(method="full", learning_rate=1e12))
    found = training_run.train(source, settings_of())
    there = sorted(folder.name for folder in paths.CHECKPOINTS.iterdir())
    assert there == ["2", "4", "6", "base", "index.json"]
    assert {one["step"] for one in read_json(paths.PLOTS / "training.json")} == set(range(7))
    assert {one["step"] for one in found.scores} == {0, 2, 4, 6}


@pytest.mark.parametrize(
    ("batch_size", "accumulate", "count"), [(4, 1, 2), (1, 4, 2), (6, 2, 4), (2, 3, 6), (4, 3, 4)]
)
def test_every_example_of_a_step_is_of_one_process(
    batch_size: int, accumulate: int, count: int
) -> None:
    settings = settings_of(batch_size=batch_size, accumulate=accumulate)
    steps = 5
    length = steps * batch_size * accumulate
    seen: dict[int, list[int]] = {step: [] for step in range(steps)}
    for rank in range(count):
        own = division(settings, rank, count)
        share = own.share(lambda examples: {"at": torch.tensor([e.index for e in examples])}, "t")
        passes = list(Passes(length, batch_size, own))
        assert len(passes) == len(Passes(length, batch_size, own))
        per_step = accumulate // own.by_passes
        for number, places in enumerate(passes):
            rows = share([Example([1], index=place) for place in places])["at"]
            seen[number // per_step] += rows.tolist()
    for step, places in seen.items():
        size = batch_size * accumulate
        assert sorted(places) == list(range(step * size, (step + 1) * size))


def test_what_does_not_divide_is_refused() -> None:
    told = r"PROCESSES=4 does not divide .*batch_size: 3 .*accumulate: 2 .*take 1 or 2 or 3 or 6"
    with pytest.raises(ValueError, match=told):
        division(settings_of(batch_size=3, accumulate=2), 0, 4)
    assert division(settings_of(), 0, 1) == Division(0, 1, 1)
    share = Division(0, 2, 1).share(lambda _: {"mixed": torch.zeros(3)}, "pairs")
    with pytest.raises(ValueError, match="task pairs cannot be divided: `mixed` of its batches"):
        share([Example([1]), Example([2])])


class Mixing(torch.nn.Module):
    """Logits of an example that depend on the others in its pass, where asked for."""

    device = torch.device("cpu")
    config = SimpleNamespace()

    def __init__(self, mixes: bool) -> None:
        super().__init__()
        self.mixes = mixes

    def forward(self, x: torch.Tensor) -> Any:
        return SimpleNamespace(logits=x - x.mean(dim=0) if self.mixes else x)


@pytest.mark.parametrize("kind", ["sum", "mean of its own", "mixing model"])
def test_a_loss_that_is_no_sum_over_examples_is_found(kind: str) -> None:
    def loss(logits: torch.Tensor, labels: torch.Tensor, items: int) -> torch.Tensor:
        parts = (logits - labels) ** 2
        return parts.mean() if kind == "mean of its own" else parts.sum() / items

    task: Any = SimpleNamespace(loss=loss, settings=SimpleNamespace(task="made"))
    model: Any = Mixing(kind == "mixing model")
    batch = {"x": torch.tensor([1.0, 4.0]), "labels": torch.tensor([0, 1])}
    if kind == "sum":
        refuse_undivided(model, task, batch, 2)
        return
    with pytest.raises(ValueError, match="task made of Mixing cannot be divided: the loss of"):
        refuse_undivided(model, task, batch, 2)


def test_equations_are_learned_by_one_process(
    project: Path, tiny_models: dict[str, TinyModel], two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_training()
    corpus: Any = SimpleNamespace(name="equations", equations=object(), columns=lambda _: {})
    monkeypatch.setattr(training_run, "read_training", lambda: corpus)
    settings = settings_of(task="modular_arithmetic")
    with pytest.raises(
        ValueError, match="=2: task modular_arithmetic cannot be divided: it learns"
    ):
        training_run.train(tiny_models["llama"].source, settings)


def test_one_process_tells_itself() -> None:
    assert ALONE.leads
    assert (ALONE.agreed(3), ALONE.gathered(3)) == (3, [3])


def test_more_processes_than_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "device", lambda: ("cuda", "a test"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    machine.refuse_more_processes(2)
    with pytest.raises(SystemExit, match=r"torch sees 2 devices of cuda here .a test., .* take 2"):
        machine.refuse_more_processes(3)
