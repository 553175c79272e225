"""Rows of the figures of corpora, taken from the tables of a pipeline run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from lm_geometry.aggregate.density import violin_density
from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.groups import extremes
from lm_geometry.aggregate.means import local_estimates
from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.table_rows import (
    Cell,
    ChangeRow,
    CorrelationRow,
    DifferenceRow,
    GroupRow,
    MeanRow,
)
from lm_geometry.aggregate.tables import Tables
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.finetune.training_curves import MOST_ROWS, evenly
from lm_geometry.outs.finetune.training_run import Loss
from lm_geometry.statistics.means import clustered_mean
from lm_geometry.workspace.tables import Row

Rows = list[Row]


@dataclass(frozen=True)
class FigureTables:
    """One pipeline run as rows of figures."""

    tables: Tables
    shown: Shown
    fine_tuned: str | None
    curve: Sequence[Loss]
    confidence: float
    listed: int

    def loss(self) -> Rows:
        """The loss of training, of held-out texts, and at every checkpoint of the controls."""
        named: dict[str, Rows] = {"training": [], "validation": []}
        for row in self.curve:
            point = self._loss(row["step"], row["curve"], row["corpus"], row["split"])
            named[row["curve"]].append(point | {"loss": row["loss"]})
        rows = [row for line in named.values() for row in evenly(line, MOST_ROWS)]
        losses = cast("list[MeanRow]", _rows(self.tables.losses.dropna(subset=["mean"])))
        others = [loss for loss in losses if loss["corpus"] != self.fine_tuned]
        for loss in others if rows else []:
            step = _step(loss["checkpoint"])
            point = self._loss(step, "validation", loss["corpus"], loss["split"])
            rows.append(point | {"loss": loss["mean"]})
        return rows

    def _loss(self, step: int, curve: str, corpus: str, split: str) -> Row:
        place: Row = {"corpus": corpus, "role": self._role(corpus), "split": split}
        return place | {"step": step, "curve": curve}

    def by_checkpoint(self) -> Rows:
        """The mean at every checkpoint and layer."""
        return [self._mean(row) for row in self._means()]

    def by_layer(self) -> Rows:
        """The mean at every layer, of base and of the shown checkpoint."""
        sides = (BASE, self.shown.checkpoint)
        return [self._mean(row) for row in self._means() if row["checkpoint"] in sides]

    def heat_map(self) -> Rows:
        """The change since base at every checkpoint and layer."""
        means = {_place(row): row["mean"] for row in self._means()}
        changes = cast("list[ChangeRow]", _rows(self._cell(self.tables.changes)))
        return [
            self._mean(row)
            | {"mean": means[_place(row)], "change": row["mean"], "firm": self._firm(row)}
            for row in changes
        ]

    def _means(self) -> list[MeanRow]:
        return cast("list[MeanRow]", _rows(self._cell(self.tables.means)))

    def _mean(self, row: MeanRow) -> Row:
        bounds: Row = {"mean": row["mean"], "lower": row["lower"], "upper": row["upper"]}
        return self._at(row) | bounds

    def _at(self, row: Cell) -> Row:
        return {
            "checkpoint": row["checkpoint"],
            "step": _step(row["checkpoint"]),
            "corpus": row["corpus"],
            "role": self._role(row["corpus"]),
            "split": row["split"],
            "layer": row["layer"],
        }

    def _firm(self, row: ChangeRow) -> bool:
        return row["adjusted_p_value"] <= 1 - self.confidence

    def differences(self) -> Rows:
        """The change on the trained corpus minus that on a control, at every layer."""
        return [
            {
                "checkpoint": row["checkpoint"],
                "step": _step(row["checkpoint"]),
                "shown": row["checkpoint"] == self.shown.checkpoint,
                "layer": row["layer"],
                "corpus": row["corpus"],
                "control": row["control"],
                "split": row["split"],
                "difference": row["mean"],
                "lower": row["lower"],
                "upper": row["upper"],
                "firm": self._firm(row),
            }
            for row in cast("list[DifferenceRow]", _rows(self._cell(self.tables.differences)))
        ]

    def correlations(self) -> Rows:
        """The correlation of local estimates and losses, at every layer."""
        cell = self._sides(self._cell(self.tables.correlations))
        return [
            self._at(row)
            | {"level": row["level"], "method": row["method"], "correlation": row["correlation"]}
            | {"lower": row["lower"], "upper": row["upper"]}
            for level in ("token", "sequence")
            for row in cast("list[CorrelationRow]", _rows(cell.loc[cell["level"] == level]))
        ]

    def groups(self) -> Rows:
        """The mean of every group of tokens that is listed, at the shown layer."""
        cell = self._sides(self._cell(self.tables.groups))
        cell = cell.loc[cell["layer"] == self.shown.layer]
        rows: Rows = []
        for (_, _, grouping), table in cells(cell, ["corpus", "split", "grouping"]):
            for name, part in extremes(table, self.shown.checkpoint, self.listed):
                kind = grouping.replace("_", " ") + name
                rows += [
                    self._mean(row)
                    | {"group": row["group"], "place": row["place"]}
                    | {"grouping": kind, "tokens": row["values"]}
                    for row in cast("list[GroupRow]", _rows(part))
                ]
        return rows

    def _sides(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.loc[table["checkpoint"].isin((BASE, self.shown.checkpoint))]

    def gride(self) -> Rows:
        """GRIDE at every scale of the shown layer: the mean over clouds, with its interval."""
        whole = self.tables.whole
        chosen = whole.loc[
            (whole["estimator"] == "gride")
            & (whole["layer"] == self.shown.layer)
            & whole["checkpoint"].isin((BASE, self.shown.checkpoint))
        ]
        kept = ("checkpoint", "corpus", "split", "layer", "scale")
        rows: Rows = []
        for _, clouds in chosen.groupby(list(kept), sort=False):
            # The estimator's own standard error takes tokens for independent, which they are not.
            mean = clustered_mean(clouds["value"].to_numpy(), np.arange(len(clouds)))
            lower, upper = mean.interval(self.confidence)
            found: Row = {"dimension": mean.value, "lower": lower, "upper": upper}
            found["scale"] = int(clouds["scale"].iloc[0])
            rows.append(self._at(_cell_of(clouds)) | found)
        return rows

    def violins(self) -> Rows:
        """The density of local estimates at the shown layer."""
        rows: Rows = []
        for split, table in local_estimates(only=self.shown.layer):
            cell = self._cell(table.assign(corpus=split.corpus)).dropna(subset=["value"])
            for checkpoint in dict.fromkeys((BASE, self.shown.checkpoint)):
                rows += self._violin(cell.loc[cell["checkpoint"] == checkpoint], checkpoint)
        return rows

    def _violin(self, cell: pd.DataFrame, checkpoint: str) -> Rows:
        values = pd.Series(cell["value"])
        if len(set(values)) < 2:
            return []
        keys = _cell_of(cell)
        common: Row = {
            "corpus": keys["corpus"],
            "role": self._role(keys["corpus"]),
            "split": keys["split"],
            "layer": keys["layer"],
            "side": "base" if checkpoint == BASE else "fine-tuned",
            "checkpoint": checkpoint,
            "mean": float(values.mean()),
            "median": float(values.median()),
            "standard_deviation": cast("float", values.std(ddof=1)),
            "points": len(values),
            "standardised": self._standardised(keys),
        }
        grid, density = violin_density(values.to_numpy())
        return [
            common | {"value": round(float(value), 4), "density": round(float(height), 4)}
            for value, height in zip(grid, density, strict=True)
        ]

    def _standardised(self, wanted: Cell) -> float | None:
        changes = self._cell(self.tables.changes)
        found = changes.loc[(changes[list(wanted)] == pd.Series(dict(wanted))).all(axis=1)]
        return float(found["standardised_by_tokens"].iloc[0]) if len(found) else None

    def _cell(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.loc[
            (table["estimator"] == self.shown.estimator)
            & (table["n_neighbors"] == self.shown.n_neighbors)
        ]

    def _role(self, corpus: str) -> str | None:
        if self.fine_tuned is None:
            return None
        return "fine-tuned" if corpus == self.fine_tuned else "control"


def _rows(table: pd.DataFrame) -> Rows:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _cell_of(table: pd.DataFrame) -> Cell:
    """The place that all rows of a table share."""
    (row,) = table[[*Cell.__annotations__]].iloc[:1].to_dict("records")
    return cast("Cell", row)


def _place(row: Cell) -> tuple[str, str, int, str]:
    return row["corpus"], row["split"], row["layer"], row["checkpoint"]


def _step(checkpoint: str) -> int:
    return 0 if checkpoint == BASE else int(checkpoint)
