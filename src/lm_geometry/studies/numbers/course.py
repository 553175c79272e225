"""What runs measured step by step: scores, and the mean local dimension of their checkpoints."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.numbers.collection import Collected, step_of
from lm_geometry.studies.numbers.runs import CONFIDENCE, groups, interval, of_all

MEASURES = {
    "accuracy": "accuracy",
    "loss": "loss (nat)",
    "dimension": "mean local dimension",
    "weight_norm": "norm of all weights",
}
OF_THE_MODEL = ("weight_norm",)  # the same for both splits, and shown once
EVERY = (-np.inf, np.inf)
POSSIBLE = {"accuracy": (0.0, 1.0), "loss": (0.0, np.inf), "dimension": (0.0, np.inf)}


def course(one: Collected) -> pd.DataFrame:
    """A row per step and split of a run: its scores by name, and `dimension`.

    NaN where a step was not measured so. The dimension is the mean of the first local estimator
    at the shown layer and neighbourhood size.
    """
    scores = pd.DataFrame(read_scores(one.revision))
    wide = scores.pivot_table(index=["step", "split"], columns="score", values="value")
    chosen = rows_where(one.shown(one.tables["means"]), layer=one.layer)
    steps = [step_of(checkpoint) for checkpoint in chosen["checkpoint"]]
    dimension = pd.DataFrame(
        {"step": steps, "split": chosen["split"].to_numpy(), "dimension": chosen["mean"].to_numpy()}
    )
    return wide.reset_index().merge(dimension, how="outer", on=["step", "split"])


def courses(figure: Figure, collected: Sequence[Collected]) -> pd.DataFrame:
    """The courses of all runs, with `experiment` and the parameters of the figure's panels."""
    return of_all(figure, collected, course)


def curves(figure: Figure, table: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """A row per measure, panel, split and step: the mean over runs, its interval, their number.

    Student's t over runs, cut at what is possible (an accuracy lies within 0 and 1); NaN below two
    runs.
    """
    found = []
    for measure in figure.measures:
        if measure not in table:
            continue
        rows = rows_where(table, split="train") if measure in OF_THE_MODEL else table
        keys, (least, most) = [*figure.columns, "split", "step"], POSSIBLE.get(measure, EVERY)
        for cell, group in groups(rows.dropna(subset=[measure]), keys):
            own = interval(group[measure].to_numpy(np.float64), confidence)
            bounds = {name: np.clip(own[name], least, most) for name in ("lower", "upper")}
            counts = {"runs": len(group), "measure": measure}
            found.append(cell | {"mean": own["mean"]} | counts | bounds)
    return pd.DataFrame(found).sort_values(
        [*figure.columns, "measure", "split", "step"], ignore_index=True
    )
