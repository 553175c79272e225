"""What a run costs on this machine, in one line, before it begins."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from lm_geometry.estimate.sizes import memory_of
from lm_geometry.experiments.costs.prediction import STAGES, Costs, predicted
from lm_geometry.experiments.costs.rates import CloudRates, Rates
from lm_geometry.experiments.costs.unchanged import unchanged
from lm_geometry.experiments.costs.work import NotCountedError, Work, counted
from lm_geometry.experiments.executors.devices import side_by_side
from lm_geometry.experiments.experiment import Experiment, Project, fine_tuning, states
from lm_geometry.params.sections import Params
from lm_geometry.revisions.programs import environment
from lm_geometry.workspace.machine import machine
from lm_geometry.workspace.progress import under_way
from lm_geometry.workspace.section import ROOT

MINUTE = 60.0
MOST_WAYS = 3  # models and ways to train them that are measured for a study
NOT_TOLD = "time, disk and memory are not told"
Raw = dict[str, Any]
ClockName = Literal["clock", "processor"]


def told(raw: Raw, clock: ClockName = "clock", root: Path = ROOT) -> str:
    """The line about a run with these parameters, of what was measured here within seconds.

    It says why where nothing can be told: the model is not on this machine yet, or its parameters
    do not count what there is to do.
    """
    params = Params.of(raw)
    stands = unchanged(raw, root)
    if len(stands) == len(STAGES):
        return "nothing to do: dvc.lock and the cache have every stage as it is"
    try:
        refuse_absent(params, root)
        rates = measured(raw, clock, root)
        work = counted(params, rates.layers)
        costs = predicted(params, work, rates, stands, workers(work, rates), clock == "clock")
    except NotCountedError as error:
        return f"{NOT_TOLD}: {error}"
    saved = f"; {', '.join(stands)} from the cache" if stands else ""
    return f"{line(costs, clock)} (measured in {rates.seconds:.0f} s{saved})"


def told_of_all(
    experiments: Sequence[Experiment], starts: Mapping[str, str] | None = None, root: Path = ROOT
) -> str:
    """The line about experiments one after another; what they share is counted once.

    Each way to train and read a model is measured once, by the first experiment that has it.
    `starts` names for each model that earlier of the experiments make the one that it starts
    from, which is as fast and here before it is made.
    """
    project = Project.read(root)
    raws = [_measurable(project.params_of(one.overrides), starts or {}) for one in experiments]
    ways = {way(raw): raw for raw in reversed(raws)}
    if len(ways) > MOST_WAYS:
        return f"{NOT_TOLD}: {len(ways)} models and ways to train them would have to be measured"
    done: set[str] = set()
    parts: list[Costs] = []
    try:
        for raw in ways.values():
            refuse_absent(Params.of(raw), root)
        rates = {name: measured(raw, "clock", root) for name, raw in ways.items()}
        for raw in raws:
            own, params = rates[way(raw)], Params.of(raw)
            shared = STAGES[: 3 if states(raw) in done else 2 if fine_tuning(raw) in done else 0]
            work = counted(params, own.layers)
            parts.append(predicted(params, work, own, shared, workers(work, own)))
            done |= {states(raw), fine_tuning(raw) or "nothing is trained"}
    except NotCountedError as error:
        return f"{NOT_TOLD}: {error}"
    seconds = sum(own.seconds for own in rates.values())
    return f"{line(together(parts), 'clock')} (measured in {seconds:.0f} s)"


def _measurable(raw: Raw, starts: Mapping[str, str]) -> Raw:
    name = raw["model"]["name"]
    return raw | {"model": raw["model"] | {"name": starts.get(name, name)}}


def way(raw: Raw) -> str:
    """What of the parameters decides how fast a model is read and trained."""
    finetune, embed = raw["finetune"], raw["embed"]
    training = [finetune.get(name) for name in ("task", "method", "lora", "batch_size")]
    return repr([raw["model"], training, embed.get("mode"), embed.get("max_length")])


def together(parts: Sequence[Costs]) -> Costs:
    """The costs of runs one after another."""
    seconds: dict[str, float] = {}
    for stage in STAGES:
        if own := [part.seconds[stage] for part in parts if stage in part.seconds]:
            seconds[stage] = sum(own)
    memory = max(part.memory for part in parts)
    return Costs(seconds, sum(part.disk for part in parts), memory)


def workers(work: Work, rates: Rates) -> int:
    """Processes that estimate clouds at a time on this machine."""
    if machine().executor != "processes":
        return 1
    cloud = memory_of(work.points, rates.width, rates.clouds.list_length)
    return min(machine().workers, work.clouds) or side_by_side(work.clouds, [cloud])


def line(costs: Costs, clock: ClockName) -> str:
    """`about 14 minutes on this machine (finetune 6, …), 1.2 GB of disk, 3.0 GB of memory, …`."""
    parts = sorted(costs.seconds.items(), key=lambda part: -part[1])
    named = [f"{stage} {_minutes(seconds)}" for stage, seconds in parts if seconds >= MINUTE / 2]
    of = f" ({', '.join(named)})" if named else ""
    whole = _minutes(sum(costs.seconds.values()))
    unit = "minute" if whole == "1" else "minutes"
    if clock == "processor":
        unit = f"processor {unit}"
    return (
        f"about {whole} {unit} on this machine{of}, {_gigabytes(costs.disk)} of disk, "
        f"{_gigabytes(costs.memory)} of memory, reading of texts apart, if nothing is reused of "
        "other experiments"
    )


def measured(raw: Raw, clock: ClockName, root: Path = ROOT) -> Rates:
    """What the calibration found; raises NotCountedError with its last line where it failed."""
    with under_way("measuring how fast this machine is"):
        ran = subprocess.run(
            [sys.executable, "-m", "lm_geometry.experiments.costs.calibration", clock],
            input=json.dumps(raw),
            capture_output=True,
            text=True,
            cwd=root,
            env=environment(root) | {"HF_HUB_OFFLINE": "1"},
        )
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or [f"exit {ran.returncode}"])[-1]
        raise NotCountedError(f"the calibration failed ({last})")
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    return replace(Rates(**found), clouds=CloudRates(**found["clouds"]))


def refuse_absent(params: Params, root: Path = ROOT) -> None:
    """Raises NotCountedError where the model cannot be measured now."""
    from lm_geometry.experiments.costs.here import is_here
    from lm_geometry.models.catalogue import read_models

    name = params.model.name
    entry = read_models(root).get(name)
    if entry is not None and entry.kind == "arithmetic":
        raise NotCountedError("a model that learns equations is not calibrated")
    if not is_here(name if entry is None else entry.source):
        raise NotCountedError(f"{name} is not on this machine yet, to which the run brings it")


def _minutes(seconds: float) -> str:
    minutes = seconds / MINUTE
    return f"{minutes:.0f}" if minutes >= 1 else f"{minutes:.1f}".removeprefix("0")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
