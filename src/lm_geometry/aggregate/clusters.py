"""One-dimensional clusters of local estimates, and which tokens are in each."""

from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import CELL
from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.shown import Shown
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.point_cloud.shapes import Float, Integer
from lm_geometry.workspace.tables import Row

STARTS = 10  # starts of k-means, of which the best counts
Rows = list[Row]


def cluster_rows(
    table: pd.DataFrame, tokens: pd.DataFrame, shown: Shown, settings: Aggregate
) -> Rows:
    """Clusters of the shown cell, at base and at the shown checkpoint.

    A row per cluster and listed token, the most frequent first; clusters count from 0, the lowest
    estimates. Where tokens have no names a cluster has one row with no token.
    """
    chosen = table.loc[
        (table["layer"] == shown.layer)
        & (table["estimator"] == shown.estimator)
        & (table["n_neighbors"] == shown.n_neighbors)
        & (table["exclude"] == shown.exclude)
        & table["checkpoint"].isin((BASE, shown.checkpoint))
    ].dropna(subset=["value"])
    rows: Rows = []
    for keys, cell in cells(chosen, CELL):
        named = dict(zip(CELL, keys, strict=True))
        names = None
        if "token" in tokens:
            names = tokens["token"].to_numpy()[cell["row"].to_numpy()]
        values = cell["value"].to_numpy()
        for count in settings.clusters.counts:
            if count <= len(np.unique(values)):
                label = clusters(values, count, settings.clusters.seed)
                found = _rows(values, label, names, settings.groups.listed)
                rows += [named | {"k": count} | row for row in found]
    return rows


def clusters(
    values: Float[np.ndarray, "rows"], count: int, seed: int
) -> Integer[np.ndarray, "rows"]:
    """The cluster `[rows]` of each value by k-means, numbered upwards from the lowest values."""
    from sklearn.cluster import KMeans

    starts: Any = STARTS  # which the library annotates as text
    with threadpool_limits(1):  # the same sums, and so the same bytes, on any number of cores
        model = KMeans(count, n_init=starts, random_state=seed).fit(values[:, None])
    order = np.argsort(np.argsort(model.cluster_centers_[:, 0]))
    return order[model.labels_]


def _rows(values: np.ndarray, label: np.ndarray, names: np.ndarray | None, listed: int) -> Rows:
    rows: Rows = []
    for number in range(int(label.max()) + 1):
        inside = values[label == number]
        described = {"cluster": number, "mean": float(inside.mean()), "tokens": len(inside)}
        described |= {"smallest": float(inside.min()), "largest": float(inside.max())}
        if names is None:
            rows.append(described | {"token": "", "count": 0})
            continue
        counts = pd.Series(names[label == number]).value_counts()
        order = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
        rows += [described | {"token": name, "count": int(n)} for name, n in order[:listed]]
    return rows
