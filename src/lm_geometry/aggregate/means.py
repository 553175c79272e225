"""Mean local dimension and mean loss of every checkpoint, corpus split and layer."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded, read_losses, read_tokens
from lm_geometry.outs.estimate.clouds import (
    LOCAL,
    read_estimated,
    read_local,
    without,
    without_columns,
)
from lm_geometry.point_cloud.shapes import Float64, Int64
from lm_geometry.statistics import Mean, clustered_mean, jackknifed
from lm_geometry.workspace.tables import Row

CELL = ["corpus", "split", "layer", "exclude", "estimator", "n_neighbors", "checkpoint"]
ESTIMATE = [  # keys of what is estimated of tokens and of clouds, the level
    *("corpus", "split", "layer", "level", "exclude"),
    *("estimator", "n_neighbors", "scale", "checkpoint"),
]
OF_TOKENS: Row = {"level": "token", "scale": np.nan}
Weight: TypeAlias = Literal["tokens", "documents"]


def documents_of(split: CorpusSplit) -> Int64[np.ndarray, "tokens"]:
    """Number of the document of each row of a corpus split, int64 `[tokens]`."""
    return pd.factorize(read_tokens(split)["document"])[0].astype(np.int64)


def local_estimates(
    only: int | None = None, *, jackknife: bool = True
) -> Iterator[tuple[CorpusSplit, pd.DataFrame]]:
    """Local estimates of each (corpus split, layer), with the column `document`; all checkpoints.

    One such table at a time is in memory. With `only`, that layer alone is read. Where `jackknife`,
    the table has the columns `without` each jackknife group of its split.
    """
    estimated = read_estimated()
    clouds = [c for c in estimated.clouds() if only is None or c.layer == only]
    for split in dict.fromkeys(cloud.split for cloud in clouds):
        documents = documents_of(split)
        columns = [*LOCAL, *without(estimated.groups_of(split) if jackknife else 0)]
        for layer in dict.fromkeys(cloud.layer for cloud in clouds):
            here = [c for c in clouds if c.split == split and c.layer == layer]
            read = [read_local(cloud, jackknife=jackknife).loc[:, columns] for cloud in here]
            table = pd.concat(read, ignore_index=True)
            yield split, table.assign(document=documents[table["row"].to_numpy()])


def summary(mean: Mean, confidence: float) -> Row:
    """Columns that every table of means and differences has."""
    lower, upper = mean.interval(confidence)
    return {
        "mean": mean.value,
        "standard_error": mean.standard_error,
        "lower": lower,
        "upper": upper,
        "degrees": mean.degrees,
        "error": mean.error,
        "values": mean.values,
        "documents": mean.clusters,
    }


def mean_rows(table: pd.DataFrame, confidence: float, weight: Weight = "tokens") -> list[Row]:
    """One row per cell of a table of local estimates: mean, median, spread and interval.

    The interval treats documents as drawn at random, and clouds too where there are several
    (`token_sample.seeds`); a single cloud is taken as given. See `mean_of`.
    """
    rows = []
    for keys, cell in cells(table, CELL):
        values = cell["value"].to_numpy()
        mean = mean_of(values, cell[without_columns(cell)].to_numpy(np.float64), cell, weight)
        spread: Row = {
            "median": float(np.nanmedian(values)) if mean.values else np.nan,
            "standard_deviation": float(np.nanstd(values, ddof=1)) if mean.values > 1 else np.nan,
            "undefined": int(len(values) - mean.values),
        }
        in_each = cell["sampling_seed"].value_counts()
        spread |= {"clouds": len(in_each), "points": int(in_each.max())}
        named = dict(zip(CELL, keys, strict=True)) | OF_TOKENS
        rows.append(named | summary(mean, confidence) | spread)
    return rows


def mean_of(
    values: Float64[np.ndarray, "rows"],
    deletions: Float64[np.ndarray, "rows groups"],
    table: pd.DataFrame,
    weight: Weight = "tokens",
) -> Mean:
    """The mean of values `[rows]` of a table of local estimates; documents and clouds are drawn.

    `deletions` are the values without each jackknife group. From their means the error is found
    (`jackknifed`); where none of them is defined it is the clustered one, which takes a token's
    value for its own document's alone. Weighed by documents, each document's own mean counts once,
    here and in every deletion.
    """
    documents = table["document"].to_numpy(dtype=np.int64)
    clouds = table["sampling_seed"].to_numpy(dtype=np.int64)
    counted = None if weight == "tokens" else _documents_alike(values, documents)
    mean = clustered_mean(values, documents, clouds, counted)
    if not np.isfinite(deletions).any():
        return mean
    without_each = [_average(column, documents, weight) for column in deletions.T]
    each = [
        _average(values[clouds == c], documents[clouds == c], weight) for c in np.unique(clouds)
    ]
    counts = (mean.values, mean.clusters)
    return jackknifed(mean.value, np.array(without_each), *counts, np.array(each))


def _average(
    values: Float64[np.ndarray, "rows"], documents: Int64[np.ndarray, "rows"], weight: Weight
) -> float:
    """The mean of what is defined; NaN where nothing is."""
    finite = np.isfinite(values)
    if not finite.any():
        return float("nan")
    if weight == "tokens":
        return float(values[finite].mean())
    counts = np.bincount(documents[finite])
    sums = np.bincount(documents[finite], values[finite])
    return float((sums[counts > 0] / counts[counts > 0]).mean())


def _documents_alike(
    values: Float64[np.ndarray, "rows"], documents: Int64[np.ndarray, "rows"]
) -> Float64[np.ndarray, "rows"]:
    """Weights with which the defined values of each document count as one."""
    counts = np.bincount(documents, np.isfinite(values).astype(np.float64))
    return 1 / np.maximum(counts, 1)[documents]


def loss_rows(embedded: Embedded, confidence: float) -> list[Row]:
    """Mean next-token loss of every (checkpoint, corpus split), in nat per token."""
    rows = []
    for split in embedded.splits:
        documents = documents_of(split)
        for checkpoint in embedded.checkpoints:
            losses = read_losses(checkpoint, split.corpus, split.split).astype(np.float64)
            keys = {"corpus": split.corpus, "split": split.split, "checkpoint": checkpoint}
            mean = clustered_mean(losses, documents)
            rows.append(keys | summary(mean, confidence))
    return rows
