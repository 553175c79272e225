"""The runs of the study `exhaustion`, one by one: their event, and the first alarm of each signal.

A dozen runs, each with the event, have neither rates nor a threshold of their own. Thresholds are
those of runs without the event of the families of overfitting, together: the protocol's rule, of
scores of the same rule, whose runs are thinned to the same shares of the budget. For a score sums
over measurements, and one of 51 grows larger than one of nine. No threshold has seen a run of this
study.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.alarm_scores import ALLOWANCE, LARGEST, SETTLED, cusum, first_alarm
from lm_geometry.signals.events import exhausted
from lm_geometry.signals.thresholds import threshold_of
from lm_geometry.studies.signals.callback_rule import STOPS
from lm_geometry.studies.signals.courses import FamilyRuns
from lm_geometry.studies.signals.known_families import family_named

JOINT_GOAL, HELD_OUT = "joint_goal_accuracy", "validation"
SETTING = ["finetune.schedule", "data_prep.train_sequences"]


class Read(NamedTuple):
    """A signal as the study has it: a measure of a split."""

    signal: str
    measure: str
    split: str


PLAIN = ("rankme", "effective_rank", "alpha_req", "participation_ratio", "mean_cosine")
PLAIN += ("distance_moved", "weight_norm")
READ = {
    "local_dimension": Read("local_dimension", "dimension, all neighbours", HELD_OUT),
    "local_dimension, trained turns": Read("local_dimension", "dimension, all neighbours", "train"),
    "local_dimension, not of the own document": Read("local_dimension", "dimension", HELD_OUT),
    **{name: Read(name, name, HELD_OUT) for name in PLAIN},
    "training_loss": Read("training_loss", "loss", "train"),
    "validation_loss": Read("validation_loss", "loss", HELD_OUT),
}


@dataclass(frozen=True)
class Exhaustion:
    """What is told of the runs.

    - `events`: a row a run, with its setting, the step of the event, and the last measured one
    - `alarms`: a row a run and signal: the largest score before the event, the threshold (NaN where
      no family has one), the step of the first alarm, and the lead, each NaN where there is none
    - `thresholds_of`: the families whose runs gave thresholds
    - `reach`: the largest score that so few measurements allow
    """

    events: pd.DataFrame
    alarms: pd.DataFrame
    thresholds_of: tuple[str, ...]
    reach: float


def exhaustion(course: pd.DataFrame, families: Mapping[str, FamilyRuns]) -> Exhaustion:
    """The runs of `course`, as the study's own course.parquet has them, a row a value.

    `families` are those that are whole; thresholds come from those of overfitting among them.
    Raises ValueError where a run lacks the joint goal, or runs differ in their measured steps.
    """
    steps = np.unique(course["step"].to_numpy(np.float64))
    texts = {n: runs for n, runs in families.items() if family_named(n).happens == STOPS}
    chosen = thresholds(texts, steps / steps[-1])
    events, alarms = [], []
    for setting, runs in cells(course, SETTING):
        for run, rows in runs.groupby("experiment"):
            event = exhausted(steps, _series(rows, JOINT_GOAL, HELD_OUT, steps))
            own = {"run": run, **dict(zip(SETTING, setting, strict=True)), "event": event}
            events.append(own | {"last": steps[-1]})
            for title, read in READ.items():
                scores = cusum(_series(rows, read.measure, read.split, steps))
                threshold = chosen.get(read.signal, np.nan)
                alarms.append(own | {"signal": title} | _alarm(steps, scores, threshold, event))
    reach = (LARGEST - ALLOWANCE) * max(0, len(steps) - 1 - SETTLED)
    return Exhaustion(pd.DataFrame(events), pd.DataFrame(alarms), tuple(texts), reach)


def thresholds(
    families: Mapping[str, FamilyRuns], shares: Float64[np.ndarray, "steps"]
) -> dict[str, float]:
    """By signal, that of all runs without the event of these families, measured at these shares.

    The largest score of a run is that of its values at the measured steps nearest to `shares` of
    its budget. A signal that no run has is left out.
    """
    found: dict[str, list[float]] = {}
    for runs in families.values():
        without = runs.runs[~np.isfinite(runs.runs["event"].astype(float))]
        for run, budget in zip(without["run"], without["budget"], strict=True):
            rows = thinned(runs.steps[str(run)], shares * float(budget))
            for name in {read.signal for read in READ.values()} & set(rows):
                found.setdefault(name, []).append(float(cusum(rows[name]).max()))
    return {name: threshold_of(maxima) for name, maxima in sorted(found.items())}


def thinned(rows: pd.DataFrame, wanted: Float64[np.ndarray, "steps"]) -> pd.DataFrame:
    """The rows whose step is nearest to each of the wanted steps, each once."""
    steps = rows["step"].to_numpy(np.float64)
    nearest = np.abs(steps[None, :] - wanted[:, None]).argmin(axis=1)
    return rows.iloc[np.unique(nearest)]


def _alarm(
    steps: Float64[np.ndarray, "steps"],
    scores: Float64[np.ndarray, "steps"],
    threshold: float,
    event: float,
) -> dict[str, float]:
    """A score that exceeds no number, where there is no threshold, is no alarm."""
    before = scores[~(steps >= event)]
    alarm = first_alarm(steps, scores, threshold)
    largest = float(before.max()) if len(before) else 0.0
    return {"largest": largest, "threshold": threshold, "alarm": alarm, "lead": event - alarm}


def _series(
    rows: pd.DataFrame, measure: str, split: str, steps: Float64[np.ndarray, "steps"]
) -> Float64[np.ndarray, "steps"]:
    """The values of a measure at the steps; raises ValueError where it was not measured at all."""
    chosen = (rows["measure"] == measure) & (rows["split"] == split)
    own = rows.loc[chosen].sort_values("step")
    if not np.array_equal(own["step"], steps):
        raise ValueError(
            f"{rows['experiment'].iloc[0]}: {measure} of {split} is measured at "
            f"{own['step'].tolist()}, not at {steps.tolist()}"
        )
    return own["value"].to_numpy(np.float64)
