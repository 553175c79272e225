"""Global estimates and signals of a cloud: means over clouds, and changes since base."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from lm_geometry.aggregate.differences import Change, Key, key_of
from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import ESTIMATE, documents_of, summary
from lm_geometry.outs.estimate.clouds import GLOBAL, Estimated, without_columns
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.statistics import Mean, clustered_mean, jackknifed
from lm_geometry.workspace.tables import Row

CLOUDS = "clouds"  # the error of what has no deletions: of the draw of clouds alone
Documents = Mapping[tuple[str, str], int]  # how many there are, by corpus and split


class CloudEstimates:
    """The table of global estimates of a run as rows of the tables of means and changes."""

    def __init__(self, whole: pd.DataFrame, estimated: Estimated) -> None:
        splits = estimated.embedded.splits
        self._table = whole[[*GLOBAL]].assign(level="cloud", place=np.arange(len(whole)))
        self._numbers = whole[["value", *without_columns(whole)]].to_numpy(np.float64)
        self._groups = {(s.corpus, s.split): estimated.groups_of(s) for s in splits}
        self._documents = {(s.corpus, s.split): int(documents_of(s).max()) + 1 for s in splits}

    def means(self, confidence: float) -> list[Row]:
        """One row per cell: the mean over clouds, with its interval over documents and clouds."""
        rows = []
        for keys, cell in cells(self._table, ESTIMATE, dropna=False):
            named: Row = dict(zip(ESTIMATE, keys, strict=True))
            values = cell["value"].to_numpy(np.float64)
            mean = self._mean(named, self._numbers[cell["place"].to_numpy()])
            spread: Row = {
                "median": float(np.nanmedian(values)) if mean.values else np.nan,
                "standard_deviation": float(np.nanstd(values, ddof=1))
                if mean.values > 1
                else np.nan,
                "undefined": int(len(values) - mean.values),
                "clouds": len(values),
                "points": int(cell["points"].max()),
            }
            rows.append(named | summary(mean, confidence) | spread)
        return rows

    def changes(self) -> dict[str, dict[Key, Change]]:
        """Mean change since base of each cell, over the clouds of the same draw; by corpus."""
        found: dict[str, dict[Key, Change]] = {}
        names = [name for name in ESTIMATE if name != "checkpoint"]
        for keys, cell in cells(self._table, names, dropna=False):
            named: Row = dict(zip(names, keys, strict=True))
            at_base = cell["checkpoint"].to_numpy() == BASE
            draws, places = cell["sampling_seed"].to_numpy(), cell["place"].to_numpy()
            base = dict(zip(draws[at_base], places[at_base], strict=True))
            trained = cell.loc[~at_base]
            for checkpoint, later in trained.groupby("checkpoint", sort=False):
                pairs = [
                    (place, base[draw])
                    for draw, place in zip(later["sampling_seed"], later["place"], strict=True)
                    if draw in base
                ]
                after, before = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
                mean = self._mean(named, self._numbers[after] - self._numbers[before])
                key = key_of(named | {"checkpoint": str(checkpoint)})
                found.setdefault(str(named["corpus"]), {})[key] = Change(mean, np.nan, np.nan)
        return found

    def _mean(self, named: Row, columns: Float64[np.ndarray, "clouds columns"]) -> Mean:
        place = (str(named["corpus"]), str(named["split"]))
        deletions = columns[:, 1 : 1 + self._groups[place]]
        return mean_over_clouds(columns[:, 0], deletions, self._documents[place])


def mean_over_clouds(
    values: Float64[np.ndarray, "clouds"],
    deletions: Float64[np.ndarray, "clouds groups"],
    documents: int,
) -> Mean:
    """The mean over clouds of the same documents, which a single number of each is given for.

    `deletions` are the numbers without each jackknife group, whose means over clouds give the error
    (`jackknifed`); without any, that is of the draw of clouds alone.
    """
    defined = np.isfinite(values)
    if np.isfinite(deletions[defined]).any():
        mean = float(values[defined].mean())
        deleted = deletions[defined].mean(axis=0)
        return jackknifed(mean, deleted, int(defined.sum()), documents, values)
    mean = clustered_mean(values, np.arange(len(values)))
    return replace(mean, clusters=documents, error=CLOUDS)
