"""Signals of the clouds that are measured, by the code of the stages, with their intervals."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from lm_geometry.aggregate.cloud_estimates import mean_over_clouds
from lm_geometry.aggregate.differences import Change, Key, key_of
from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import summary
from lm_geometry.estimate.readings import Readings
from lm_geometry.observables.cloud_signals import cloud_signals
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.clouds import GLOBAL, without, without_columns
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import Cloud, Points
from lm_geometry.point_cloud.shapes import Float32, Int64
from lm_geometry.workspace.tables import Row

MASSIVE, MOVED = "massive_tokens", "distance_moved"  # one always beside, one of two states
CELL = ["split", "layer", "exclude", "estimator", "n_neighbors", "scale", "checkpoint"]
LEVEL: Row = {"level": "cloud"}


def signal_rows(
    cloud: Cloud,
    X: Points,
    rows: Int64[np.ndarray, "points"],
    readings: Readings,
    names: Sequence[str],
    factor: float,
    origin: Float32[np.ndarray, "tokens width"] | None = None,
) -> list[Row]:
    """A row for each of the signals `names`, and how many massive tokens they are of.

    X `[points, width]` and their `rows` in the token table. The distance moved is that from the
    states `origin` `[tokens, width]` of all tokens, and left out where there are none. The same
    rows as `estimate.signal_rows`, which reads what stages left.
    """
    asked = [name for name in names if name != MOVED or origin is not None]
    if not asked or not len(X):
        return []
    base = origin[rows] if origin is not None and MOVED in asked else None
    group = readings.group_of(rows) if readings.groups else None
    found = cloud_signals(X, group, base, [*asked, MASSIVE], readings.groups, factor)
    columns = without(readings.groups)
    made: list[Row] = []
    for signal in found:
        row: Row = {"exclude": NONE, "estimator": signal.name, "value": signal.value}
        left_out: Row = dict(zip(columns, signal.without.tolist(), strict=True))
        made.append(cloud.keys() | row | {"points": len(X)} | left_out)
    return made


def signal_table(rows: Sequence[Row], groups: int) -> pd.DataFrame:
    """The rows of all clouds as a table of global estimates, of `groups` of the jackknife."""
    return pd.DataFrame(rows, columns=[*GLOBAL, *without(groups)])


def signal_means(table: pd.DataFrame, documents: int, confidence: float) -> Iterator[Row]:
    """A row per layer and signal: the mean over clouds with its interval over documents.

    `table` is of `signal_table`, whose clouds are of so many `documents`.
    """
    numbers = table[["value", *without_columns(table)]].to_numpy(np.float64)
    placed = table.assign(place=np.arange(len(table)))
    for keys, cell in cells(placed, CELL, dropna=False):
        values = numbers[cell["place"].to_numpy()]
        mean = mean_over_clouds(values[:, 0], values[:, 1:], documents)
        spread = float(np.nanstd(values[:, 0], ddof=1)) if mean.values > 1 else np.nan
        counts: Row = {
            "standard_deviation": spread,
            "undefined": int(len(values) - mean.values),
            "clouds": len(values),
            "points": int(cell["points"].to_numpy().max()),
        }
        yield dict(zip(CELL, keys, strict=True)) | LEVEL | summary(mean, confidence) | counts


def signal_changes(table: pd.DataFrame, documents: int) -> dict[Key, Change]:
    """Mean change since base of each signal, over the clouds of the same draw.

    `table` is of `signal_table`. What moved has no value at base, and is a change itself.
    """
    columns = ["value", *without_columns(table)]
    found: dict[Key, Change] = {}
    for keys, cell in cells(table, CELL, dropna=False):
        named = dict(zip(CELL, keys, strict=True)) | LEVEL
        if named["checkpoint"] == BASE:
            continue
        alike = (table["layer"] == named["layer"]) & (table["estimator"] == named["estimator"])
        base = table.loc[alike & (table["checkpoint"] == BASE)].set_index("sampling_seed")
        change = cell[columns].to_numpy(np.float64)
        if named["estimator"] != MOVED:
            change = change - base[columns].reindex(cell["sampling_seed"]).to_numpy(np.float64)
        mean = mean_over_clouds(change[:, 0], change[:, 1:], documents)
        found[key_of(named)] = Change(mean, np.nan, np.nan)
    return found
