"""Mean local dimension and mean loss of every checkpoint, corpus split and layer."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded, read_losses, read_tokens
from lm_geometry.outs.estimate.clouds import estimated_clouds, read_local
from lm_geometry.point_cloud.shapes import Int64, Real
from lm_geometry.statistics import Mean, clustered_mean
from lm_geometry.workspace.tables import Row

CELL = ["corpus", "split", "layer", "estimator", "n_neighbors", "checkpoint"]


def documents_of(split: CorpusSplit) -> Int64[np.ndarray, "tokens"]:
    """Number of the document of each row of a corpus split, int64 `[tokens]`."""
    return pd.factorize(read_tokens(split)["document"])[0].astype(np.int64)


def local_estimates(only: int | None = None) -> Iterator[tuple[CorpusSplit, pd.DataFrame]]:
    """Local estimates of each (corpus split, layer), with the column `document`; all checkpoints.

    One such table at a time is in memory. With `only`, that layer alone is read.
    """
    clouds = [c for c in estimated_clouds() if only is None or c.layer == only]
    for split in dict.fromkeys(cloud.split for cloud in clouds):
        documents = documents_of(split)
        for layer in dict.fromkeys(cloud.layer for cloud in clouds):
            here = [c for c in clouds if c.split == split and c.layer == layer]
            table = pd.concat([read_local(cloud) for cloud in here], ignore_index=True)
            yield split, table.assign(document=documents[table["row"].to_numpy()])


def summary(mean: Mean, confidence: float) -> dict[str, float | int]:
    """Columns that every table of means and differences has."""
    lower, upper = mean.interval(confidence)
    return {
        "mean": mean.value,
        "standard_error": mean.standard_error,
        "lower": lower,
        "upper": upper,
        "degrees": mean.degrees,
        "values": mean.values,
        "documents": mean.clusters,
    }


def mean_rows(table: pd.DataFrame, confidence: float) -> list[Row]:
    """One row per cell of a table of local estimates: mean, median, spread and interval.

    The interval treats documents as drawn at random, and clouds too where there are several
    (`token_sample.seeds`); a single cloud is taken as given.
    """
    rows = []
    for keys, cell in cells(table, CELL):
        values = cell["value"].to_numpy()
        mean = mean_of(values, cell)
        spread = {
            "median": float(np.nanmedian(values)) if mean.values else np.nan,
            "standard_deviation": float(np.nanstd(values, ddof=1)) if mean.values > 1 else np.nan,
            "undefined": int(len(values) - mean.values),
        }
        in_each = cell["sampling_seed"].value_counts()
        spread |= {"clouds": len(in_each), "points": int(in_each.max())}
        rows.append(dict(zip(CELL, keys, strict=True)) | summary(mean, confidence) | spread)
    return rows


def mean_of(values: Real[np.ndarray, "rows"], table: pd.DataFrame) -> Mean:
    """The mean of values `[rows]` of a table of local estimates; documents and clouds are drawn."""
    return clustered_mean(
        values, table["document"].to_numpy(), table["sampling_seed"].to_numpy(dtype=np.int64)
    )


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
