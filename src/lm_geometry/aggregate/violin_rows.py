"""Rows of the figure of single tokens: how their local estimates spread at the shown layer."""

from typing import cast

import pandas as pd

from lm_geometry.aggregate.density import violin_density
from lm_geometry.aggregate.figure_rows import FigureTables, Rows
from lm_geometry.aggregate.means import local_estimates
from lm_geometry.aggregate.table_rows import Cell
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.workspace.tables import Row


def violin_rows(run: FigureTables) -> Rows:
    """The density of local estimates at the shown layer, of base and of the shown checkpoint."""
    rows: Rows = []
    for _, table in local_estimates(only=run.shown.layer, jackknife=False):
        cell = run.cell(table, of_tokens=False).dropna(subset=["value"])
        for exclude in run.shown.readings:
            for checkpoint in dict.fromkeys((BASE, run.shown.checkpoint)):
                own = (cell["exclude"] == exclude) & (cell["checkpoint"] == checkpoint)
                rows += _violin(run, cell.loc[own], checkpoint)
    return rows


def _violin(run: FigureTables, cell: pd.DataFrame, checkpoint: str) -> Rows:
    values = pd.Series(cell["value"])
    if len(set(values)) < 2:
        return []
    (first,) = cell[[*Cell.__annotations__]].iloc[:1].to_dict("records")
    keys = cast("Cell", first)
    common: Row = {
        **run.reading(keys),
        "corpus": keys["corpus"],
        "role": run.role(keys["corpus"]),
        "split": keys["split"],
        "layer": keys["layer"],
        "side": "base" if checkpoint == BASE else "fine-tuned",
        "checkpoint": checkpoint,
        "mean": float(values.mean()),
        "median": float(values.median()),
        "standard_deviation": cast("float", values.std(ddof=1)),
        "points": len(values),
        "standardised": _standardised(run, keys),
    }
    grid, density = violin_density(values.to_numpy())
    return [
        common | {"value": round(float(value), 4), "density": round(float(height), 4)}
        for value, height in zip(grid, density, strict=True)
    ]


def _standardised(run: FigureTables, wanted: Cell) -> float | None:
    changes = run.cell(run.tables.changes)
    found = changes.loc[(changes[list(wanted)] == pd.Series(dict(wanted))).all(axis=1)]
    return float(found["standardised_by_tokens"].iloc[0]) if len(found) else None
