"""Means over runs, and how firm and how large a change is, be it of one run over its documents."""

from collections.abc import Hashable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lm_geometry.aggregate.cells import cells
from lm_geometry.statistics import Mean, adjusted_p_values

OF_ONE_RUN = "standardised_by_documents"  # a column of the pipeline's table of changes
CONFIDENCE = 0.95


def groups(
    table: pd.DataFrame, keys: list[str]
) -> Iterator[tuple[dict[str, Hashable], pd.DataFrame]]:
    """The rows that share their `keys`, with these, in the order of the table."""
    for values, rows in cells(table, keys, dropna=False):
        yield dict(zip(keys, values, strict=True)), rows


def over_runs(values: NDArray[np.float64]) -> Mean:
    """The mean over runs `[runs]`, with Student's standard error; without an interval below two."""
    runs = len(values)
    if runs < 2:
        return Mean(float(values.mean()) if runs else np.nan, np.nan, np.nan, runs, runs)
    # Equal numbers may differ from their own mean by rounding, which is no spread.
    spread = float(values.std(ddof=1)) if np.ptp(values) > 0 else 0.0
    return Mean(float(values.mean()), spread / np.sqrt(runs), runs - 1.0, runs, runs)


def interval(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> dict[str, float]:
    """`mean`, `lower` and `upper` over runs `[runs]`; NaN where they are not defined."""
    mean = over_runs(values)
    lower, upper = mean.interval(confidence)
    return {"mean": mean.value, "lower": lower, "upper": upper}


def p_value_and_effect(group: pd.DataFrame) -> dict[str, float]:
    """`p_value` of no change, and `effect`, of the runs that are the rows of `group`.

    Of several runs the p value is two-sided Student's t (1908) over their means, and the effect is
    their mean in units of their standard deviation (Cohen's d of one sample; Cohen 1988, ch. 2).
    Both are NaN for runs that are all alike. Of a single run they are those of the pipeline, over
    documents and clouds; NaN where its table has no p value, and no effect where it has none.
    """
    if len(group) == 1:
        row = group.iloc[0]
        found = {"p_value": float(row.get("p_value", np.nan))}
        return found | ({"effect": float(row[OF_ONE_RUN])} if OF_ONE_RUN in row else {})
    mean = over_runs(group["mean"].to_numpy(dtype=np.float64))
    spread = mean.standard_error * np.sqrt(mean.values)
    return {"p_value": mean.p_value(), "effect": mean.value / spread if spread > 0 else np.nan}


def adjusted_over_layers(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """`table` with `adjusted_p_value` after `p_value`: Benjamini-Hochberg over layers.

    A family are the rows that differ in their layer alone, of all `keys` of a row.
    """
    family = [key for key in keys if key not in ("layer", "shown")]
    p_values = table.groupby(family, sort=False, dropna=False)["p_value"]
    found = table.copy()
    place = list(table.columns).index("p_value") + 1
    found.insert(place, "adjusted_p_value", p_values.transform(adjusted_p_values))
    return found
