"""Some dozen and a half numbers, so that `dvc metrics diff` and `dvc exp show` fit a screen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import pandas as pd

from lm_geometry.aggregate.means import OF_TOKENS
from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.tables import Tables
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.finetune.checkpoints import BASE

BOUNDED = ("mean", "lower", "upper")
Numbers: TypeAlias = "Mapping[str, float | Numbers]"


def headline(tables: Tables, shown: Shown) -> Numbers:
    """Mean dimensions, the difference of differences and losses of the shown cell.

    Beside those of the shown reading stand, as `published`, the dimensions and the difference of
    which no neighbour is left out; the interval of that is in the table of differences.
    Numbers that do not exist (the loss of an encoder, the change of an untrained model) are left
    out: JSON has no NaN, and DVC drops null silently.
    """
    means = _cell(tables.means, shown)
    losses = tables.losses.loc[tables.losses["split"] == shown.split]
    numbers = {
        "dimension": _by_corpus(means, shown),
        "difference_of_differences": _difference(tables.differences, shown, BOUNDED),
        "published": _published(tables, shown),
        "loss": _by_corpus(losses, shown),
        "points": int(means["points"].to_numpy().min()) if len(means) else 0,
        "documents": int(means["documents"].to_numpy().min()) if len(means) else 0,
    }
    return _without_missing(numbers)


def _published(tables: Tables, shown: Shown) -> Numbers:
    if not shown.published:
        return {}
    other = replace(shown, exclude=NONE)
    return {
        "dimension": _by_corpus(_cell(tables.means, other), other),
        "difference_of_differences": _difference(tables.differences, other, ("mean",)),
    }


def _cell(table: pd.DataFrame, shown: Shown) -> pd.DataFrame:
    chosen = (
        (table["split"] == shown.split)
        & (table["layer"] == shown.layer)
        & (table["estimator"] == shown.estimator)
        & (table["n_neighbors"] == shown.n_neighbors)
        & (table["exclude"] == shown.exclude)
        & (table["level"] == OF_TOKENS["level"])
    )
    return table.loc[chosen]


def _by_corpus(table: pd.DataFrame, shown: Shown) -> dict[str, dict[str, float]]:
    corpora = table.groupby("corpus", sort=False)
    return {str(corpus): _sides(rows, shown) for corpus, rows in corpora}


def _sides(rows: pd.DataFrame, shown: Shown) -> dict[str, float]:
    means = dict(zip(rows["checkpoint"], rows["mean"], strict=True))
    sides = {"base": BASE, "shown": shown.checkpoint}
    return {
        side: _rounded(means[name])
        for side, name in sides.items()
        if name in means and not (side == "shown" and name == BASE)
    }


def _difference(table: pd.DataFrame, shown: Shown, told: Sequence[str]) -> Numbers:
    cell = _cell(table, shown)
    cell = cell.loc[cell["checkpoint"] == shown.checkpoint]
    found = {
        str(row["control"]): {name: _rounded(row[name]) for name in told}
        for _, row in cell.iterrows()
    }
    return next(iter(found.values())) if len(found) == 1 else found


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")


def _without_missing(numbers: Numbers) -> Numbers:
    cleaned = {
        name: value if isinstance(value, float | int) else _without_missing(value)
        for name, value in numbers.items()
    }
    return {
        name: value
        for name, value in cleaned.items()
        if (math.isfinite(value) if isinstance(value, float | int) else value)
    }
