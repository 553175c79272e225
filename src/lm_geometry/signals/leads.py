"""How many steps before generalisation a signal of training has peaked and begun to fall.

Ruppik et al. 2025 (arXiv:2506.01034, sec. 4.2) observe that the mean local dimension falls when a
model begins to generalise. Whether it does so earlier than what everybody logs is measured here
with one rule for every signal.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from lm_geometry.statistics import Mean, between_runs

SIGNALS: Mapping[str, tuple[str, str]] = {
    "validation local dimension": ("validation", "local_dimension"),
    "train local dimension": ("train", "local_dimension"),
    "train loss": ("train", "loss"),
    "validation loss": ("validation", "loss"),
    "weight norm": ("train", "weight_norm"),
}
EVENTS = ("peak", "fall")
FALL = 0.1  # share of the peak by which a signal has fallen
MILESTONES = (0.05, 0.5)  # validation accuracies


def events(steps: npt.ArrayLike, values: npt.ArrayLike, fall: float = FALL) -> dict[str, float]:
    """Steps of the `peak` of a curve, and of its first `fall` to (1 - fall) of it after that.

    The peak is the first of the largest values of the whole curve, which is known only afterwards.
    A value that is not finite is passed over. NaN where there is no such step. Raises ValueError
    for a negative peak, of which a share is not defined.
    """
    curve = _finite(steps, values)
    if curve.empty:
        return dict.fromkeys(EVENTS, np.nan)
    peak, largest = int(curve.argmax()), float(curve.max())
    if largest < 0:
        raise ValueError(f"values: the peak is {largest}; a share of it needs 0 or more")
    later = curve.iloc[peak + 1 :]
    return {"peak": curve.index[peak], "fall": _first(later <= (1 - fall) * largest)}


def reached(steps: npt.ArrayLike, accuracy: npt.ArrayLike, milestone: float) -> float:
    """The first step whose accuracy is at least the milestone, or NaN."""
    return _first(_finite(steps, accuracy) >= milestone)


def leads(
    table: pd.DataFrame,
    run: Sequence[str],
    signals: Mapping[str, tuple[str, str]] = SIGNALS,
    fall: float = FALL,
    milestones: Sequence[float] = MILESTONES,
) -> pd.DataFrame:
    """A row for each run, signal, event and milestone, from a row per run, step and split.

    `table` has the columns of `run`, which tell runs apart, `step`, `split` (train and validation),
    `accuracy` and those of the signals, one value per step and split; NaN where a step has none.
    The result has the columns of `run`, and

    - signal, event (peak or fall), event_step;
    - milestone, a validation accuracy, and milestone_step, the first step that reaches it;
    - lead = milestone_step - event_step: steps of warning, negative where the event came later,
      NaN where one of the two never came;
    - every, the steps between two measurements of the signal (median): no lead is known better.

    An event of a run that never reaches the milestone is a false alarm. Signals that fall from the
    first step on, as the train loss does, have long leads and as many false alarms. Raises
    ValueError for missing columns, and where a step of a run stands twice.
    """
    needed = {*run, "step", "split", "accuracy", *(column for _, column in signals.values())}
    if missing := sorted(needed - set(table.columns)):
        raise ValueError(f"table: columns {', '.join(missing)} are missing")
    if table.duplicated([*run, "step", "split"]).any():
        raise ValueError(f"table: a step and split stands twice in a run; runs differ in {run}?")
    found = []
    for values, rows in table.groupby([*run], sort=False, dropna=False):
        key = dict(zip(run, cast("tuple[Hashable, ...]", values), strict=True))
        parts = {str(split): part.set_index("step") for split, part in rows.groupby("split")}
        accuracy = parts["validation"]["accuracy"]
        ends = {m: reached(accuracy.index, accuracy, m) for m in milestones}
        for name, (split, column) in signals.items():
            curve = parts[split][column].dropna().sort_index()
            every = float(np.median(np.diff(curve.index))) if len(curve) > 1 else np.nan
            found += [
                {**key, "signal": name, "event": event, "event_step": step}
                | {"milestone": m, "milestone_step": end, "lead": end - step, "every": every}
                for event, step in events(curve.index, curve, fall).items()
                for m, end in ends.items()
            ]
    return pd.DataFrame(found)


def summary(found: pd.DataFrame, by: Sequence[str] = (), confidence: float = 0.95) -> pd.DataFrame:
    """Over the runs of `leads`: a row for each signal, event, milestone and value of `by`.

    Columns: runs; reached, those that reach the milestone; warned, those of them whose event came
    before it; false_alarms, runs with the event that never reach it; and mean, lower and upper of
    the lead of those that have one (Student's t over runs; NaN below two runs).
    """
    never = found["milestone_step"].isna()
    counts = {
        "runs": 1,
        "reached": ~never,
        "warned": found["lead"] > 0,
        "false_alarms": never & found["event_step"].notna(),
    }
    keys = [*by, "signal", "event", "milestone"]
    grouped = found.assign(**counts).groupby(keys, sort=False, dropna=False)
    runs = [[Mean(one, np.nan, np.nan, 1, 1) for one in leads] for _, leads in grouped["lead"]]
    means = [between_runs(of_one_cell) for of_one_cell in runs]
    bounds = pd.DataFrame([mean.interval(confidence) for mean in means], columns=["lower", "upper"])
    found = pd.DataFrame(grouped[[*counts]].sum()).reset_index()
    return found.assign(mean=[mean.value for mean in means], **bounds)


def _finite(steps: npt.ArrayLike, values: npt.ArrayLike) -> pd.Series:
    """The finite values of a curve by their steps, in the order of these."""
    index = pd.Index(np.asarray(steps, dtype=np.float64))
    curve = pd.Series(np.asarray(values, dtype=np.float64), index=index)
    return curve.replace([np.inf, -np.inf], np.nan).dropna().sort_index(kind="stable")


def _first(there: pd.Series) -> float:
    """The first step at which something is so, or NaN."""
    return float(there.index[there.argmax()]) if there.any() else np.nan
