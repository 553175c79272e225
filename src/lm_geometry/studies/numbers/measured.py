"""Everything that a run measured at its steps, as one long table: geometry, scores and signals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.aggregate.described import reading
from lm_geometry.aggregate.means import OF_TOKENS
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.numbers.collection import Collected, step_of
from lm_geometry.studies.numbers.deletions import Deletions, deletions
from lm_geometry.studies.numbers.runs import of_all

DIMENSION, PUBLISHED = "dimension", "dimension, all neighbours"
MASSIVE = "massive_tokens"  # told beside signals, and none itself
MOVED = "distance_moved"  # by definition 0 at base, which has no row
SIGNAL_WORDS = {
    "rankme": "RankMe",
    "alpha_req": "α-ReQ",
    "persistent_homology_0": "persistent-homology dimension, power 0",
    "persistent_homology_1": "persistent-homology dimension, power 1",
}
COLUMNS = ["step", "split", "measure", "value", "standard_error", "without"]


def measured_by(one: Collected) -> pd.DataFrame:
    """A row per step, split and measure of a run: `value`, and its `standard_error` or NaN.

    `without` are the values without each jackknife group of documents, where that is known.

    Measures are `dimension` (the mean of the first local estimator at the shown layer, L and
    reading), the same with all neighbours where that is another reading, each signal of the cloud
    at that layer, and every score by its name. Geometry is that of the corpus trained on.
    """
    means = rows_where(one.tables["means"], layer=one.layer)
    if one.trained_on:
        means = rows_where(means, corpus=one.trained_on)
    local = rows_where(
        means, estimator=one.estimator, n_neighbors=one.n_neighbors, level=OF_TOKENS["level"]
    )
    left_out = deletions(one)
    parts = [_named(rows_where(local, exclude=one.exclude), DIMENSION, left_out)]
    if one.exclude != NONE:
        parts.append(_named(rows_where(local, exclude=NONE), PUBLISHED, left_out))
    of_clouds = means.loc[(means["level"] == "cloud") & (means["estimator"] != MASSIVE)]
    of_clouds = of_clouds.loc[of_clouds["exclude"] == NONE]
    for signal, rows in of_clouds.groupby("estimator", sort=False):
        parts.append(_named(rows, str(signal), left_out))
        if signal == MOVED:
            parts.append(_at_base(rows))
    scores = [{**score, "measure": score["score"]} for score in read_scores(one.revision)]
    parts.append(pd.DataFrame(scores).reindex(columns=COLUMNS))
    found = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return found.astype({"step": int, "value": float, "standard_error": float})


def measured_by_all(figure: Figure, collected: Sequence[Collected]) -> pd.DataFrame:
    """What all runs measured, with `experiment` and the parameters of the figure's panels."""
    return of_all(figure, collected, measured_by)


def words_of(measure: str, exclude: str) -> str:
    """How figures call a measure; `exclude` is the reading that is shown."""
    if measure == DIMENSION:
        return f"local dimension, {reading(exclude)}"
    if measure == PUBLISHED:
        return f"local dimension, {reading(NONE)}"
    return SIGNAL_WORDS.get(measure, measure.replace("_", " "))


def curve(table: pd.DataFrame, measure: str, split: str) -> pd.DataFrame:
    """One measure of one run on one split, in the order of its steps; values that are finite.

    A measure of the model alone, such as the norm of its weights, is the same on every split.
    """
    own = table.loc[(table["measure"] == measure) & np.isfinite(table["value"])]
    if split in set(own["split"]):
        own = own.loc[own["split"] == split]
    elif len(set(own["split"])) > 1:
        own = own.iloc[:0]
    return own.sort_values("step", ignore_index=True)


def _named(rows: pd.DataFrame, measure: str, left_out: Deletions) -> pd.DataFrame:
    steps = [step_of(str(checkpoint)) for checkpoint in rows["checkpoint"]]
    keys = rows[["checkpoint", "split", "exclude", "estimator"]].itertuples(index=False, name=None)
    without = pd.Series([left_out.get(key) for key in keys], index=rows.index, dtype=object)
    found = rows.assign(step=steps, measure=measure, value=rows["mean"], without=without)
    return found.reindex(columns=COLUMNS)


def _at_base(rows: pd.DataFrame) -> pd.DataFrame:
    """No distance, on each split, at step 0."""
    splits = list(dict.fromkeys(rows["split"]))
    found = pd.DataFrame({"split": splits})
    found = found.assign(step=0, measure=MOVED, value=0.0, standard_error=0.0)
    return found.reindex(columns=COLUMNS)
