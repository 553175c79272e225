"""Training from scratch on equations, measured and saved on the way, and resumed to the bit."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lm_geometry.finetune.arithmetic.recipe import Recipe
from lm_geometry.finetune.arithmetic.run import Measurement, Run
from lm_geometry.models.arithmetic import fast_path
from lm_geometry.models.arithmetic.equations import DividedEquations, Equations
from lm_geometry.models.arithmetic.saved_model import save_model
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.point_cloud.shapes import Float64, Int64
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.manifest import is_whole, manifest_of, write_manifest
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.seeds import stream

STATE = "state.pt"
AT_ONCE = 4096  # equations in a forward pass that measures
ROUNDED = 32  # lengths of batches without copies are multiples of it


def train(
    recipe: Recipe,
    equations: DividedEquations,
    work: Path,
    device: str = "cpu",
    save_seconds: float = 30.0,
    watch: Callable[[Callable[[], list[Measurement]]], None] | None = None,
) -> list[Measurement]:
    """What was measured: records of step, split, loss (nat), accuracy and weight_norm.

    Both splits are measured whole, without dropout. The checkpoints stand in `work/checkpoints`
    when this returns: `base`, the untrained model, and one for each step of `recipe.checkpoints`.
    The run is saved in `work` every `save_seconds`; called again after an interruption it goes on
    from there, and on the CPU every byte is that of an uninterrupted run with as many threads.
    Without dropout the shared path is used, in the precision of the recipe. `watch` is called
    after each measurement with a function that returns what was measured so far. Raises ValueError
    where the loss is no longer finite.
    """
    finished = work / "curve.json"
    if is_whole(finished):
        return read_json(finished)["curve"]
    devices = [device] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        run = Run.start(recipe, equations, device)
        torch.manual_seed(int(stream(recipe.seed, "dropout").integers(2**62)))
        if is_whole(work / STATE):
            run.restore(work / STATE)
        for _ in _trained(run, work, save_seconds):
            if watch is not None:
                watch(lambda: run.curve)
    described = asdict(recipe) | {"model": recipe.model.model_dump()}
    write_json(finished, {"recipe": described, "curve": run.curve})
    write_manifest(finished)
    for file in (work / STATE, manifest_of(work / STATE)):
        file.unlink(missing_ok=True)
    return run.curve


def _trained(run: Run, work: Path, save_seconds: float) -> Iterator[int]:
    """Train from one measured step to the next, until the last; each when it was measured."""
    saved = time.monotonic()
    todo = [step for step in run.recipe.measured() if step > run.step or not run.curve]
    for step in progress(todo, f"training, {run.recipe.precision} on {run.device}"):
        if step > run.step:
            advance(run, step - run.step)
        _measure(run)
        if step in (0, *run.recipe.checkpoints):
            folder = work / "checkpoints" / (str(step) if step else BASE)
            save_model(run.model, folder)
            write_manifest(folder, "md5")
        if time.monotonic() - saved >= save_seconds:
            run.save(work / STATE)
            write_manifest(work / STATE)
            saved = time.monotonic()
        yield step


def advance(run: Run, count: int) -> None:
    """Train for `count` steps, of which nothing leaves the device."""
    ids, results = _on_device(run.equations.train, run.device)
    run.model.train()
    for rows, weights in _drawn(run, count):
        for group in run.optimiser.param_groups:
            group["lr"] = run.recipe.rate(run.step)
        logits = _predicted(run, ids[rows])
        losses = functional.cross_entropy(logits, results[rows], reduction="none")
        run.optimiser.zero_grad()
        (losses @ weights).backward()
        nn.utils.clip_grad_norm_(run.model.parameters(), run.recipe.max_gradient_norm)
        run.optimiser.step()
        run.step += 1


def _drawn(run: Run, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of the training equations in each of the next batches, and the weight of each row.

    An equation that was drawn twice is computed once and counts twice, unless dropout makes the
    two differ.
    """
    batches = [(rows, np.ones(len(rows))) for rows in run.batches.take(count)]
    if not run.recipe.model.dropout:
        batches = [_counted(rows) for rows, _ in batches]
    lengths = [len(rows) for rows, _ in batches]
    rows = torch.tensor(np.concatenate([rows for rows, _ in batches]), device=run.device)
    shares = np.concatenate([times for _, times in batches]) / run.batches.size
    weights = torch.tensor(shares, dtype=torch.float32, device=run.device)
    yield from zip(rows.split(lengths), weights.split(lengths), strict=True)


def _counted(
    rows: Int64[np.ndarray, "size"],
) -> tuple[Int64[np.ndarray, "length"], Float64[np.ndarray, "length"]]:
    """Different rows and how often each was drawn, filled up with rows that count nothing.

    Products of matrices are prepared once for each shape, so that few lengths are better than many.
    """
    different, times = np.unique(rows, return_counts=True)
    length = min(len(rows), -(-len(different) // ROUNDED) * ROUNDED)
    counts = np.zeros(length)
    counts[: len(different)] = times
    return np.resize(different, length), counts


def _predicted(run: Run, ids: Tensor) -> Tensor:
    """Logits `[equations, elements]` in float32, by the shared path where nothing is dropped."""
    if run.model.training and run.recipe.model.dropout:
        enabled = run.recipe.precision == "bfloat16"
        with torch.autocast(run.device.type, torch.bfloat16, enabled=enabled):
            return run.model(ids).float()
    return fast_path.logits(run.model, ids, run.recipe.precision)


@torch.no_grad()
def _measure(run: Run) -> None:
    """Add loss and accuracy of both splits, and the norm of all weights, to the curve."""
    run.model.eval()
    norms = torch.stack([weight.norm() for weight in run.model.parameters()])
    weight_norm = float(norms.norm())
    for split in ("train", "validation"):
        ids, results = _on_device(getattr(run.equations, split), run.device)
        logits = torch.cat([_predicted(run, part) for part in ids.split(AT_ONCE)])
        loss = float(functional.cross_entropy(logits, results))
        if not math.isfinite(loss):
            raise ValueError(
                f"the {split} loss is {loss} at step {run.step}: training diverged; lower "
                "finetune.learning_rate or finetune.max_gradient_norm"
            )
        accuracy = float((logits.argmax(-1) == results).double().mean())
        run.curve.append(
            {
                "step": run.step,
                "split": split,
                "loss": loss,
                "accuracy": accuracy,
                "weight_norm": weight_norm,
            }
        )


def _on_device(equations: Equations, device: torch.device) -> tuple[Tensor, Tensor]:
    ids, results = torch.from_numpy(equations.ids), torch.from_numpy(equations.results)
    return ids.to(device), results.to(device)
