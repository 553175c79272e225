"""How firm and how large a change is, over runs or, of a single run, over its documents."""

from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.statistics import Mean, adjusted_p_values

OF_ONE_RUN = "standardised_by_documents"  # a column of the pipeline's table of changes


def p_value_and_effect(group: Any) -> dict[str, float]:
    """`p_value` of no change, and `effect`, of the runs that are the rows of `group`.

    Of several runs the p value is two-sided Student's t (1908) over their means, and the effect is
    their mean in units of their standard deviation (Cohen's d of one sample; Cohen 1988, ch. 2).
    Both are NaN for runs that are all alike. Of a single run they are those of the pipeline, over
    documents and clouds; NaN where its table has no p value, and no effect where it has none.
    """
    if len(group) == 1:
        row = group.iloc[0]
        found = {"p_value": float(row.get("p_value", float("nan")))}
        return found | ({"effect": float(row[OF_ONE_RUN])} if OF_ONE_RUN in row else {})
    means = group["mean"].to_numpy(dtype=float)
    runs = len(means)
    # Equal numbers may differ from their own mean by rounding, which is no spread.
    spread = float(means.std(ddof=1)) if np.ptp(means) > 0 else 0.0
    mean = Mean(float(means.mean()), spread / np.sqrt(runs), runs - 1.0, runs, runs)
    return {
        "p_value": mean.p_value(),
        "effect": mean.value / spread if spread > 0 else float("nan"),
    }


def adjusted_over_layers(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """`table` with `adjusted_p_value` after `p_value`: Benjamini-Hochberg over layers.

    A family are the rows that differ in their layer alone, of all `keys` of a row.
    """
    family = [key for key in keys if key not in ("layer", "shown")]
    p_values: Any = table.groupby(family, sort=False, dropna=False)["p_value"]
    found = table.copy()
    place = list(table.columns).index("p_value") + 1
    found.insert(place, "adjusted_p_value", p_values.transform(adjusted_p_values))
    return found
