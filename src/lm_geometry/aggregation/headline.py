"""At most about a dozen numbers, so that `dvc metrics diff` and `dvc exp show` fit a screen."""

import math
from typing import Any

import pandas as pd

from lm_geometry.aggregation.shown import Shown
from lm_geometry.aggregation.tables import Tables
from lm_geometry.checkpoints import BASE


def headline(tables: Tables, shown: Shown) -> dict[str, Any]:
    """Mean dimensions, the difference of differences and losses of the shown cell.

    Numbers that do not exist (the loss of an encoder, the change of an untrained model) are left
    out: JSON has no NaN, and DVC drops null silently.
    """
    means = _cell(tables.means, shown, layer=True)
    dimension = {
        corpus: _sides(rows, shown, "mean") for corpus, rows in means.groupby("corpus", sort=False)
    }
    losses = tables.losses[tables.losses["split"] == shown.split]
    loss = {
        corpus: _sides(rows, shown, "mean") for corpus, rows in losses.groupby("corpus", sort=False)
    }
    numbers = {
        "dimension": dimension,
        "difference_of_differences": _difference(tables.differences, shown),
        "loss": loss,
        "points": int(means["values"].min()) if len(means) else 0,
        "documents": int(means["documents"].min()) if len(means) else 0,
    }
    return _without_missing(numbers)


def _cell(table: pd.DataFrame, shown: Shown, layer: bool) -> pd.DataFrame:
    chosen = (
        (table["split"] == shown.split)
        & (table["estimator"] == shown.estimator)
        & (table["n_neighbors"] == shown.n_neighbors)
    )
    return table[chosen & (table["layer"] == shown.layer)] if layer else table[chosen]


def _sides(rows: pd.DataFrame, shown: Shown, column: str) -> dict[str, float]:
    by_checkpoint = rows.set_index("checkpoint")[column]
    sides = {"base": BASE, "shown": shown.checkpoint}
    return {
        side: _rounded(by_checkpoint[name])
        for side, name in sides.items()
        if name in by_checkpoint and not (side == "shown" and name == BASE)
    }


def _difference(table: pd.DataFrame, shown: Shown) -> dict[str, Any]:
    cell = _cell(table, shown, layer=True)
    cell = cell[cell["checkpoint"] == shown.checkpoint]
    found = {
        row["control"]: {name: _rounded(row[name]) for name in ("mean", "lower", "upper")}
        for _, row in cell.iterrows()
    }
    return next(iter(found.values())) if len(found) == 1 else found


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")


def _without_missing(value: Any) -> Any:
    if isinstance(value, dict):
        cleaned = {str(key): _without_missing(inner) for key, inner in value.items()}
        return {k: v for k, v in cleaned.items() if v is not None and v != {}}
    return None if isinstance(value, float) and not math.isfinite(value) else value
