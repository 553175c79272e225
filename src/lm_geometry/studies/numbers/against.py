"""What runs measured, against one of their scores: when each was done, and how they go together."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lm_geometry.observables.cloud_signals import SIGNALS
from lm_geometry.statistics import jackknife_variance
from lm_geometry.statistics.checkpoint_correlation import partial_spearman, spearman
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.numbers.measured import DIMENSION, PUBLISHED, curve
from lm_geometry.studies.numbers.milestones import Milestones, milestones
from lm_geometry.studies.numbers.runs import groups, interval

FORMS = ("rank correlation", "given the step")
SPLITS = ("train", "validation", "test")


def setting_of(figure: Figure, rows: pd.DataFrame) -> list[str]:
    """The words that name each row's panel: the values of the figure's parameters."""
    names = [name.rpartition(".")[2].replace("_", " ") for name in figure.panels]
    return [
        " · ".join(f"{name} {row[own]}" for name, own in zip(names, figure.panels, strict=True))
        for row in rows.to_dict("records")
    ]


def wanted(figure: Figure, table: pd.DataFrame) -> list[str]:
    """The figure's measures; after the dimension that with all neighbours, where there is one.

    A signal that no run was asked for is passed over, since runs are older than some signals.
    """
    found, there = [], set(table["measure"])
    for name in figure.measures:
        if name in there or name not in SIGNALS:
            found.append(name)
        if name == DIMENSION and PUBLISHED in there:
            found.append(PUBLISHED)
    return found


def milestone_rows(figure: Figure, table: pd.DataFrame) -> pd.DataFrame:
    """A row per run, measure and split: its `step` of the figure's event, and that of the score.

    `step` is where the curve settled (event `exhausted`) or was least (`overfitted`), `was_so` the
    same of the first score of `against`, `lead` how many steps earlier the curve was, `rise` and
    `rise_error` what it rose by after its least value. Steps are NaN where a curve was on its way.
    """
    found = []
    for cell, run in groups(table, ["experiment", *figure.columns]):
        score = _of(run, figure.against[0], figure.event)
        for name, split, own in _curves(figure, run):
            told = _milestones(own)
            step = told.settled if figure.event == "exhausted" else told.least
            rise = {"rise": told.rise, "rise_error": told.rise_error}
            steps = {"step": step, "was_so": score, "lead": score - step}
            found.append(cell | {"measure": name, "split": split} | steps | rise)
    return pd.DataFrame(found).assign(setting=lambda rows: setting_of(figure, rows))


def events(figure: Figure, table: pd.DataFrame) -> pd.DataFrame:
    """A row per run with the step (`moment`) at which the first score of `against` was so."""
    found = [
        cell | {"moment": _of(run, figure.against[0], figure.event)}
        for cell, run in groups(table, ["experiment", *figure.columns])
    ]
    rows = pd.DataFrame(found)
    named = rows.assign(setting=setting_of(figure, rows))
    return named.reindex(columns=["setting", "moment"])


def correlation_rows(figure: Figure, table: pd.DataFrame) -> pd.DataFrame:
    """A row per setting, score, measure, split and form: the mean correlation over runs.

    Each run's Spearman correlation over the steps that both curves have, plainly and given the
    step (`partial_spearman`); mean and Student's t interval over runs, cut at 1 and -1.
    """
    singles = []
    for cell, run in groups(table, ["experiment", *figure.columns]):
        for against in figure.against:
            score = _named(run, against)
            for name, split, own in _curves(figure, run):
                if f"{split} {name}" == against:
                    continue
                both = own.merge(score[["step", "value"]], on="step", suffixes=("", "_score"))
                x, y = both["value"].to_numpy(float), both["value_score"].to_numpy(float)
                given = both["step"].to_numpy(float)
                values = (spearman(x, y), partial_spearman(x, y, given))
                keys = cell | {"against": against, "measure": name, "split": split}
                singles += [
                    keys | {"form": form, "correlation": value, "steps": len(both)}
                    for form, value in zip(FORMS, values, strict=True)
                ]
    found = []
    keys = [*figure.columns, "against", "measure", "split", "form"]
    for cell, rows in groups(pd.DataFrame(singles), keys):
        values = rows["correlation"].dropna().to_numpy(float)
        mean = interval(values)
        bounds = {name: float(np.clip(mean[name], -1, 1)) for name in ("lower", "upper")}
        counted = {"runs": len(values), "steps": int(min(rows["steps"]))}
        found.append(cell | {"correlation": mean["mean"]} | bounds | counted)
    return pd.DataFrame(found).assign(setting=lambda rows: setting_of(figure, rows))


def _curves(figure: Figure, run: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each measure of the figure on each split that has it; the model's own measures once."""
    for name in wanted(figure, run):
        there = [s for s in SPLITS if s in set(run.loc[run["measure"] == name, "split"])]
        for split in there:
            own = curve(run, name, split)
            if len(own) > 1:
                yield name, split, own


def _named(run: pd.DataFrame, against: str) -> pd.DataFrame:
    """The curve that `SPLIT MEASURE` names; raises ValueError where a run has none."""
    split, _, measure = against.partition(" ")
    found = curve(run, measure, split)
    if len(found) < 2:
        there = sorted({f"{s} {m}" for s, m in zip(run["split"], run["measure"], strict=True)})
        raise ValueError(f"against: no run has {against!r} at two steps; there are {there}")
    return found


def _of(run: pd.DataFrame, against: str, event: str) -> float:
    told = _milestones(_named(run, against))
    return told.settled if event == "exhausted" else told.least


def _milestones(own: pd.DataFrame) -> Milestones:
    steps, values = (own[name].to_numpy(np.float64) for name in ("step", "value"))
    left_out, errors = own["without"].tolist(), own["standard_error"].to_numpy(np.float64)

    def error(i: int, j: int) -> float:
        """Paired, by the jackknife, where that is known; of a score its sampling error at i."""
        if isinstance(left_out[i], np.ndarray) and isinstance(left_out[j], np.ndarray):
            return float(np.sqrt(jackknife_variance(left_out[i] - left_out[j])))
        return float(errors[i]) if np.isfinite(errors[i]) else 0.0

    return milestones(steps, values, error)
