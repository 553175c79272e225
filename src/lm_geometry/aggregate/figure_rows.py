"""Rows of the figures of corpora, taken from the tables of a pipeline run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pandas as pd

from lm_geometry.aggregate.described import reading
from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.groups import extremes
from lm_geometry.aggregate.means import OF_TOKENS
from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.table_rows import (
    Cell,
    ChangeRow,
    CorrelationRow,
    DifferenceRow,
    GroupRow,
    MeanRow,
    ScaleRow,
)
from lm_geometry.aggregate.tables import Tables
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.finetune.training_curves import MOST_ROWS, evenly
from lm_geometry.outs.finetune.training_run import Loss
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
        """The loss of held-out texts, and at every checkpoint that of the controls.

        That of training batches is in the figure of training.
        """
        held_out: Rows = [
            self._loss(row["step"], row["corpus"], row["split"]) | {"loss": row["loss"]}
            for row in self.curve
            if row["curve"] == "validation"
        ]
        rows = evenly(held_out, MOST_ROWS)
        losses = cast("list[MeanRow]", _rows(self.tables.losses.dropna(subset=["mean"])))
        others = [loss for loss in losses if loss["corpus"] != self.fine_tuned]
        for loss in others if rows else []:
            step = _step(loss["checkpoint"])
            rows.append(self._loss(step, loss["corpus"], loss["split"]) | {"loss": loss["mean"]})
        return rows

    def _loss(self, step: int, corpus: str, split: str) -> Row:
        place: Row = {"corpus": corpus, "role": self.role(corpus), "split": split}
        return place | {"step": step, "curve": "validation"}

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
        changes = cast("list[ChangeRow]", _rows(self.cell(self.tables.changes)))
        return [
            self._mean(row)
            | {"mean": means[_place(row)], "change": row["mean"], "firm": self._firm(row)}
            for row in changes
        ]

    def _means(self) -> list[MeanRow]:
        return cast("list[MeanRow]", _rows(self.cell(self.tables.means)))

    def _mean(self, row: MeanRow) -> Row:
        bounds: Row = {"mean": row["mean"], "lower": row["lower"], "upper": row["upper"]}
        return self.place(row) | bounds

    def place(self, row: Cell) -> Row:
        """What every record of a figure tells of its place."""
        return self.reading(row) | {
            "checkpoint": row["checkpoint"],
            "step": _step(row["checkpoint"]),
            "corpus": row["corpus"],
            "role": self.role(row["corpus"]),
            "split": row["split"],
            "layer": row["layer"],
        }

    def reading(self, row: Cell) -> Row:
        """The reading of a record, and whether it stands beside that which is shown.

        It has no name where it is the only one: the line of the figure tells it.
        """
        if not self.shown.published:
            return {"reading": None, "beside": False}
        return {
            "reading": reading(row["exclude"]),
            "beside": row["exclude"] != self.shown.exclude,
        }

    def _firm(self, row: ChangeRow) -> bool:
        return row["adjusted_p_value"] <= 1 - self.confidence

    def differences(self) -> Rows:
        """The change on the trained corpus minus that on a control, at every layer.

        Of the published reading, where it stands beside, the shown checkpoint alone.
        """
        rows = cast("list[DifferenceRow]", _rows(self.cell(self.tables.differences)))
        mine = (self.shown.exclude, self.shown.checkpoint)
        return [
            self.reading(row)
            | {
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
            for row in rows
            if mine[0] == row["exclude"] or mine[1] == row["checkpoint"]
        ]

    def correlations(self) -> Rows:
        """The correlation of local estimates and losses, at every layer."""
        cell = self._sides(self.cell(self.tables.correlations, of_tokens=False))
        return [
            self.place(row)
            | {"level": row["level"], "method": row["method"], "correlation": row["correlation"]}
            | {"lower": row["lower"], "upper": row["upper"]}
            for level in ("token", "sequence")
            for row in cast("list[CorrelationRow]", _rows(cell.loc[cell["level"] == level]))
        ]

    def groups(self) -> Rows:
        """The mean of every group of tokens that is listed, at the shown layer and reading."""
        cell = self._sides(self.cell(self.tables.groups, of_tokens=False))
        cell = cell.loc[
            (cell["layer"] == self.shown.layer) & (cell["exclude"] == self.shown.exclude)
        ]
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
        means = self._sides(self.tables.means)
        chosen = means.loc[(means["estimator"] == "gride") & (means["layer"] == self.shown.layer)]
        return [
            self.place(row)
            | {"scale": int(row["scale"]), "dimension": row["mean"]}
            | {"lower": row["lower"], "upper": row["upper"]}
            for row in cast("list[ScaleRow]", _rows(self._readings(chosen)))
        ]

    def cell(self, table: pd.DataFrame, *, of_tokens: bool = True) -> pd.DataFrame:
        """The rows of the shown estimator and L, of every reading, the shown one first.

        `of_tokens` tells tables that have estimates of clouds, too.
        """
        chosen = (table["estimator"] == self.shown.estimator) & (
            table["n_neighbors"] == self.shown.n_neighbors
        )
        if of_tokens:
            chosen &= table["level"] == OF_TOKENS["level"]
        return self._readings(table.loc[chosen])

    def _readings(self, table: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([table.loc[table["exclude"] == one] for one in self.shown.readings])

    def role(self, corpus: str) -> str | None:
        """Whether a corpus is the one that was fine-tuned on, if any was."""
        if self.fine_tuned is None:
            return None
        return "fine-tuned" if corpus == self.fine_tuned else "control"


def _rows(table: pd.DataFrame) -> Rows:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _place(row: Cell) -> tuple[str, str, int, str, str]:
    return row["corpus"], row["split"], row["layer"], row["checkpoint"], row["exclude"]


def _step(checkpoint: str) -> int:
    return 0 if checkpoint == BASE else int(checkpoint)
