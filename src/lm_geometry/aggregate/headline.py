"""At most about a dozen numbers, so that `dvc metrics diff` and `dvc exp show` fit a screen."""

import math
from typing import Any

import pandas as pd

from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.tables import Tables
from lm_geometry.outs.finetune.checkpoints import BASE


def headline(tables: Tables, shown: Shown) -> dict[str, Any]:
    """Mean dimensions, the difference of differences and losses of the shown cell.

    Numbers that do not exist (the loss of an encoder, the change of an untrained model) are left
    out: JSON has no NaN, and DVC drops null silently.
    """
    means = _cell(tables.means, shown)
    losses: Any = tables.losses[tables.losses["split"] == shown.split]
    numbers = {
        "dimension": _by_corpus(means, shown),
        "difference_of_differences": _difference(tables.differences, shown),
        "loss": _by_corpus(losses, shown),
        "points": int(means["points"].min()) if len(means) else 0,
        "documents": int(means["documents"].min()) if len(means) else 0,
    }
    return _without_missing(numbers)


def _cell(table: Any, shown: Shown) -> Any:
    chosen = (
        (table["split"] == shown.split)
        & (table["layer"] == shown.layer)
        & (table["estimator"] == shown.estimator)
        & (table["n_neighbors"] == shown.n_neighbors)
    )
    return table[chosen]


def _by_corpus(table: Any, shown: Shown) -> dict[str, dict[str, float]]:
    return {corpus: _sides(rows, shown) for corpus, rows in table.groupby("corpus", sort=False)}


def _sides(rows: Any, shown: Shown) -> dict[str, float]:
    means = dict(zip(rows["checkpoint"], rows["mean"], strict=True))
    sides = {"base": BASE, "shown": shown.checkpoint}
    return {
        side: _rounded(means[name])
        for side, name in sides.items()
        if name in means and not (side == "shown" and name == BASE)
    }


def _difference(table: pd.DataFrame, shown: Shown) -> dict[str, Any]:
    cell = _cell(table, shown)
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
