"""Rows of the figures of corpora, taken from the tables of a pipeline run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
import pandas as pd

from lm_geometry.aggregate.density import violin_density
from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import local_estimates
from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.tables import Tables
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.finetune.training_curves import MOST_ROWS, evenly
from lm_geometry.outs.finetune.training_run import Loss
from lm_geometry.statistics.means import clustered_mean
from lm_geometry.workspace.tables import Row

Rows = list[Row]


class Cell(TypedDict):
    """What every row of a table of the run tells of its place."""

    checkpoint: str
    corpus: str
    split: str
    layer: int


class MeanRow(Cell):
    """A row of the means."""

    mean: float
    lower: float
    upper: float


class ChangeRow(MeanRow):
    """A row of the changes since base."""

    adjusted_p_value: float


class DifferenceRow(ChangeRow):
    """A row of the differences of differences."""

    control: str


class CorrelationRow(Cell):
    """A row of the correlations with the loss."""

    level: str
    method: str
    correlation: float
    lower: float
    upper: float


class GroupRow(MeanRow):
    """A row of the groups of tokens; `place` is its place among those of its grouping."""

    group: str
    place: int
    values: int


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
            named[row["curve"]].append({**row, "role": self._role(row["corpus"])})
        rows = [row for line in named.values() for row in evenly(line, MOST_ROWS)]
        if not rows:
            return []
        losses = cast("list[MeanRow]", _rows(self.tables.losses.dropna(subset=["mean"])))
        return rows + [
            {
                "step": _step(loss["checkpoint"]),
                "curve": "validation",
                "corpus": loss["corpus"],
                "role": self._role(loss["corpus"]),
                "split": loss["split"],
                "loss": loss["mean"],
            }
            for loss in losses
            if loss["corpus"] != self.fine_tuned
        ]

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
        values = cell["value"]
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
            "mean": values.mean(),
            "median": values.median(),
            "standard_deviation": values.std(ddof=1),
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


def extremes(table: pd.DataFrame, shown: str, listed: int) -> list[tuple[str, pd.DataFrame]]:
    """(which, rows) of the groups to show, with their `place` by the mean at `shown`.

    All of at most twice `listed` groups, under no name; else the highest and the lowest.
    """
    order = table.loc[table["checkpoint"] == shown].sort_values("mean", ascending=False)
    places = pd.Series(range(len(order)), index=order["group"].to_numpy())
    placed = table.assign(place=places.reindex(table["group"]).to_numpy()).dropna(subset=["place"])
    placed = placed.astype({"place": int}).sort_values(["place", "checkpoint"])
    if len(places) <= 2 * listed:
        return [("", placed)]
    return [
        (f": highest {listed}", placed.loc[placed["place"] < listed]),
        (f": lowest {listed}", placed.loc[placed["place"] >= len(places) - listed]),
    ]


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
