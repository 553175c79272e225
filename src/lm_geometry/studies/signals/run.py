"""One run of a family, from random weights to the end of its budget."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.studies.signals.definition import Planned
from lm_geometry.studies.signals.family import Family
from lm_geometry.studies.signals.kept_run import KeptRun
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.studies.signals.observed import Training
from lm_geometry.studies.signals.reading import Readings
from lm_geometry.studies.signals.tables import Tables


def make_run(family: str, one: Planned, states: Path) -> Tables:
    """Train, measure at every measured step, write the states to `states`; the run's rows.

    On one thread, so that a run is the same however many are made at once. A run whose weights are
    no longer finite ends there, and has no event.
    """
    torch.set_num_threads(1)
    found = family_named(family)
    with single_threaded_blas(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(one.seed)
        return _made(found, one, states)


def _made(family: Family, one: Planned, states: Path) -> Tables:
    clock = {"training": 0.0, "observing": 0.0}
    began = time.process_time()
    training = family.start(one.setting, one.seed)
    kept, readings = KeptRun.of(training), Readings()
    clock["starting"] = time.process_time() - began
    diverged = float("nan")
    for step in family.measured:
        began = time.process_time()
        finite = _trained(training, step)
        trained = time.process_time()
        clock["training"] += trained - began
        if not finite:
            diverged = float(step)
            break
        seen = training.observe()
        clock["observing"] += time.process_time() - trained
        kept.add(seen)
        readings.read(kept, seen)
    kept.write(states)
    event = float("nan")
    if np.isnan(diverged):
        event = family.event(kept.steps, kept.accuracies, kept.losses, kept.documents)
    row = {"run": one.name, "parameters": one.parameters, **one.setting, "seed": one.seed}
    row |= {"event": event, "diverged": diverged, "budget": family.budget}
    row |= {f"seconds_{name}": round(value, 2) for name, value in clock.items()}
    row |= {"torch": torch.__version__.partition("+")[0]}
    return Tables(
        pd.DataFrame([row]), steps_of(one.name, kept, readings), seconds_of(one.name, readings)
    )


def _trained(training: Training, step: int) -> bool:
    """Train until a step; whether all weights are finite then."""
    training.run(step)
    return all(bool(torch.isfinite(weight).all()) for weight in training.model.parameters())


def steps_of(run: str, kept: KeptRun, readings: Readings) -> pd.DataFrame:
    """The rows of a run's measured steps."""
    rows = [
        {
            "run": run,
            "step": step,
            "validation_accuracy": kept.accuracies[place],
            "validation_loss_error": kept.validation_error(place),
            **readings.values[place],
        }
        for place, step in enumerate(kept.steps)
    ]
    return pd.DataFrame(rows)


def seconds_of(run: str, readings: Readings) -> pd.DataFrame:
    """The rows of what each signal took in a run."""
    return pd.DataFrame(
        [
            {"run": run, "signal": name, "seconds": round(seconds, 4)}
            for name, seconds in readings.seconds.items()
        ]
    )
