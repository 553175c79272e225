"""What a run's numbers are without each jackknife group of documents, at every checkpoint.

With these the error of a difference between two checkpoints is that of the same tokens, and not of
two independent clouds.
"""

from collections import defaultdict

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.clouds import (
    estimated_clouds,
    read_estimated,
    read_global,
    read_local,
    without_columns,
)
from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.runs import groups

Key = tuple[str, str, str, str]  # checkpoint, split, reading, estimator or signal
Deletions = dict[Key, Float64[np.ndarray, "groups"]]


def deletions(one: Collected) -> Deletions:
    """The mean of the shown estimator, and each signal, without each group; over clouds.

    Of the corpus trained on and the shown layer. Empty where nothing was left out.
    """
    if not any(read_estimated(one.revision).groups):
        return {}
    found: dict[Key, list[np.ndarray]] = defaultdict(list)
    for cloud in estimated_clouds(one.revision):
        if cloud.layer != one.layer or cloud.split.corpus != (one.trained_on or cloud.split.corpus):
            continue
        table = read_local(cloud, one.revision, jackknife=True)
        own = rows_where(table, estimator=one.estimator, n_neighbors=one.n_neighbors)
        for exclude, rows in own.groupby("exclude", sort=False):
            key = (cloud.checkpoint, cloud.split.split, str(exclude), one.estimator)
            found[key].append(_means(rows))
    whole = rows_where(read_global(one.revision), layer=one.layer)
    if one.trained_on:
        whole = rows_where(whole, corpus=one.trained_on)
    for cell, rows in groups(whole, ["checkpoint", "split", "exclude", "estimator"]):
        checkpoint, split, exclude, name = map(str, cell.values())
        found[(checkpoint, split, exclude, name)].append(_means(rows))
    return {key: np.mean(several, axis=0) for key, several in found.items()}


def _means(rows: pd.DataFrame) -> Float64[np.ndarray, "groups"]:
    """Mean over the rows that a deletion leaves: a token's own group has no estimate for it."""
    return rows[without_columns(rows)].mean().to_numpy(np.float64)
