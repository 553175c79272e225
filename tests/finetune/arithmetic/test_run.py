"""Training on equations: its schedule, what it learns, and that a kill changes no byte."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from lm_geometry.finetune.arithmetic import loop
from lm_geometry.finetune.arithmetic.batches import make_batches
from lm_geometry.finetune.arithmetic.recipe import Recipe, recipe
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.arithmetic.equations import DividedEquations, make_equations
from lm_geometry.models.arithmetic.model import make_model
from lm_geometry.models.arithmetic.params import Arithmetic
from lm_geometry.models.arithmetic.saved_model import load_model
from lm_geometry.outs.data_prep.equations import Equations
from tests.structure import ROOT

SMALL = {"layers": 1, "width": 32, "heads": 2, "head_width": 16, "feed_forward": 64}
QUICK = {"learning_rate": 3e-3, "weight_decay": 1.0, "betas": [0.9, 0.98], "batch_size": 64}
KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from lm_geometry.finetune.arithmetic import loop
from tests.finetune.arithmetic.test_run import EQUATIONS, recipe_of

advance = loop.advance


def killed(run, count):
    if run.step == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    advance(run, count)


loop.advance = killed
loop.train(recipe_of(**eval(sys.argv[4])), EQUATIONS, Path(sys.argv[3]), save_seconds=0)
"""
EQUATIONS: DividedEquations = make_equations(
    Equations(modulus=13, operation="addition", train_fraction=0.5, seed=42)
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The order of a sum, and so the last bit of it, depends on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def recipe_of(equations: int = len(EQUATIONS.train), **changes: Any) -> Recipe:
    own = {name: changes.pop(name) for name in [*changes] if name in Arithmetic.model_fields}
    given = {"method": "full", "steps": 60, "checkpoints": [20, 50]} | QUICK | changes
    arithmetic = Arithmetic.model_validate(SMALL | {"evaluate_every": 20} | own)
    return recipe(Finetune.model_validate(given), arithmetic, equations)


def files(folder: Path) -> dict[str, bytes]:
    found = (p for p in folder.rglob("*") if p.is_file() and not p.match("*.manifest.json"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


@pytest.mark.parametrize(("schedule", "end"), [("constant_with_warmup", 1.0), ("linear", 0.0)])
def test_the_learning_rate_is_the_published_schedule(schedule: str, end: float) -> None:
    made = recipe_of(schedule=schedule, warmup_steps=10)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=3e-3)
    warm_up = lr_scheduler.LinearLR(optimiser, 1 / 3, 1.0, 10)
    after = lr_scheduler.LinearLR(optimiser, 1.0, end, 50)
    schedules = lr_scheduler.SequentialLR(optimiser, [warm_up, after], [10])
    for step in range(60):
        assert made.rate(step) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        optimiser.step()
        schedules.step()


@pytest.mark.parametrize("batches", ["full", "epochs", "replacement"])
def test_a_step_is_that_of_a_loop_written_out(tmp_path: Path, batches: str) -> None:
    made = recipe_of(batches=batches, steps=3, checkpoints=[3], warmup_steps=0, schedule="constant")
    loop.train(made, EQUATIONS, tmp_path)
    model = make_model(made.model, 13, made.seed)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=3e-3, betas=(0.9, 0.98), eps=1e-6, weight_decay=1.0
    )
    ids, results = torch.from_numpy(EQUATIONS.train.ids), torch.from_numpy(EQUATIONS.train.results)
    drawn = make_batches(batches, EQUATIONS, made.batch_size, made.seed).take(3)
    assert (len(set(drawn[0].tolist())) < len(drawn[0])) == (batches == "replacement")
    for rows in drawn.tolist():
        optimiser.zero_grad()
        nn.CrossEntropyLoss()(model(ids[rows]), results[rows]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    trained = load_model(tmp_path / "checkpoints" / "3").state_dict()
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(trained[name], weight, atol=2e-5, rtol=0, msg=name)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_equations_are_learned_and_checkpoints_are_what_was_measured(
    tmp_path: Path, precision: str
) -> None:
    made = recipe_of(steps=300, checkpoints=[100, 300], evaluate_every=100, precision=precision)
    curve = loop.train(made, EQUATIONS, tmp_path)
    assert [(row["step"], row["split"]) for row in curve] == [
        (step, split) for step in (0, 100, 200, 300) for split in ("train", "validation")
    ]
    by = {(row["step"], row["split"]): row for row in curve}
    assert by[0, "train"]["loss"] == pytest.approx(2.565, rel=0.2)  # ln 13
    assert by[300, "train"]["accuracy"] == 1.0
    assert by[300, "validation"]["accuracy"] > 0.3  # half of the held-out ones have a twin b + a
    names = {path.name for path in (tmp_path / "checkpoints").glob("[!.]*")}
    assert names == {"base", "100", "300"}
    for name, step in (("base", 0), ("100", 100), ("300", 300)):
        model = load_model(tmp_path / "checkpoints" / name)
        logits = model(torch.from_numpy(EQUATIONS.validation.ids)).detach()
        results = torch.from_numpy(EQUATIONS.validation.results)
        row = by[step, "validation"]
        loss = nn.functional.cross_entropy(logits, results).item()
        assert row["loss"] == pytest.approx(loss, rel=1e-4 if precision == "float32" else 0.03)
        norm = sum(float(w.detach().double().square().sum()) for w in model.parameters()) ** 0.5
        assert row["weight_norm"] == pytest.approx(norm, rel=1e-5)
    there = {name for name in files(tmp_path) if not name.endswith(".manifest.json")}
    assert there == {"curve.json"} | {
        f"checkpoints/{name}/{file}"
        for name in names
        for file in ("config.json", "model.safetensors")
    }


@pytest.mark.parametrize(
    "changes",
    [{}, {"dropout": 0.1, "batches": "epochs", "checkpoints": [40, 60]}],
    ids=["shared", "dropout"],
)
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, changes: dict[str, Any]) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    loop.train(recipe_of(**changes), EQUATIONS, whole)
    arguments = [str(ROOT / "src"), str(ROOT), str(killed), repr(changes)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (killed / "state.pt").exists()
    torch.manual_seed(99)  # whatever the resuming process drew before
    loop.train(recipe_of(**changes), EQUATIONS, killed)
    assert files(killed) == files(whole)


def test_seeds_differ_and_repeat(tmp_path: Path) -> None:
    curves = [
        loop.train(recipe_of(seed=seed, dropout=0.1), EQUATIONS, tmp_path / str(i))
        for i, seed in enumerate((0, 0, 1))
    ]
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


def test_divergence_is_told(tmp_path: Path) -> None:
    made = recipe_of(learning_rate=1e30, steps=20, checkpoints=[20])
    with pytest.raises(ValueError, match=r"training diverged; lower finetune\.learning_rate"):
        loop.train(made, EQUATIONS, tmp_path)


def test_the_recipe_counts_epochs_and_full_batches() -> None:
    assert recipe_of(84, steps=None, epochs=3, batches="epochs", checkpoints=[4]).steps == 4
    full = recipe_of(84, steps=None, epochs=3, batches="full", checkpoints=[3])
    assert (full.steps, full.batch_size) == (3, 84)
    assert recipe_of(warmup_steps=0.5).warmup_steps == 30
    assert recipe_of(checkpoints={"every": 25}).checkpoints == (25, 50)
    assert recipe_of().measured() == [0, 20, 40, 50, 60]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "lora"}, "finetune.method: lora does not suit .*; give full"),
        ({"precision": "float16"}, "give float32 or bfloat16"),
        ({"schedule": "cosine"}, "finetune.schedule: cosine"),
        ({"accumulate": 2}, "finetune.accumulate: 2"),
        ({"freeze": ["blocks.0"]}, "finetune.freeze"),
        ({"batches": "epochs", "batch_size": 85}, "finetune.batch_size: 85 .* at most 84"),
        ({"checkpoints": [61]}, "must lie within 1 … 60 steps"),
    ],
)
def test_settings_that_this_training_does_not_know_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        recipe_of(**changes)
