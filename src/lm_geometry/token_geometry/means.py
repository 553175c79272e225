"""Means over prompts of tidy tables, by layer and over layers, and where they peak."""

import numpy as np
import pandas as pd
from scipy import stats

from lm_geometry.outs.estimate.prompt_tables import cells_of, groups_of

PEAK = ["layer", "mean", "standard_deviation"]


def means(values: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Mean over prompts of `value` for every run, shuffle, layer and scale or k.

    Columns: the keys, `mean`; `standard_deviation` over the prompts of this very cell (their own
    spread, divided by n as the paper's bands are meant); `lower`, `upper`: Student's t interval of
    the mean, prompts as drawn; `prompts`, without those that have no value.
    """
    return _summary(values, [*groups_of(values), "shuffle", *cells_of(values)], confidence)


def layer_means(
    values: pd.DataFrame, first: int = 1, last: int | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean over layers `first` … `last` of each prompt, then over prompts; columns as `means`.

    The layers of a prompt belong together, so the interval is over prompts.
    """
    layers = values["layer"].between(first, values["layer"].max() if last is None else last)
    kept = values.loc[layers]
    keys = [*groups_of(values), "shuffle", *(c for c in cells_of(values) if "layer" not in c)]
    prompts = kept.groupby([*keys, "prompt"], sort=False)["value"].mean().reset_index()
    return _summary(prompts, keys, confidence)


def peaks(values: pd.DataFrame) -> pd.DataFrame:
    """The layer at which the mean over prompts is largest, for every run, shuffle and scale or k.

    Columns: the keys, `layer`, `mean`, `standard_deviation` there; `mean_of_peaks`, the mean of
    each prompt's own largest value; `median_layer`, `lower_quartile`, `upper_quartile` of the
    layers where these are; `first` and `last`, the means at the first and the last layer.
    """
    by_layer = means(values)
    keys = [
        name for name in by_layer.columns[: by_layer.columns.get_loc("mean")] if "layer" not in name
    ]
    grouped = by_layer.groupby(keys, sort=False)
    top = by_layer.loc[grouped["mean"].idxmax(), [*keys, *PEAK]].set_index(keys)
    ends = pd.DataFrame({"first": grouped["mean"].first(), "last": grouped["mean"].last()})
    return pd.concat([top, _own_peaks(values, keys), ends], axis=1).reset_index()


def paired_changes(
    values: pd.DataFrame, shuffle: int, against: int = 0, confidence: float = 0.95
) -> pd.DataFrame:
    """How much shuffling changes each prompt: the value at `shuffle` minus that at `against`.

    Columns as `means`, of the differences of the same prompts, and `share_up`, the share of
    prompts whose value rose. Raises ValueError where either shuffle was not measured.
    """
    keys = [*groups_of(values), *cells_of(values)]
    wide = values.pivot(index=[*keys, "prompt"], columns="shuffle", values="value")
    for level in (shuffle, against):
        if level not in wide.columns:
            raise ValueError(f"shuffle: {level} was not measured; there are {list(wide.columns)}")
    change = pd.DataFrame({"value": wide[shuffle] - wide[against]}).reset_index()
    found = _summary(change, keys, confidence)
    rose = (change["value"] > 0).where(change["value"].notna())
    share = change.assign(rose=rose.astype(float)).groupby(keys, sort=False)["rose"].mean()
    return found.assign(share_up=np.asarray(share))


def _summary(values: pd.DataFrame, keys: list[str], confidence: float) -> pd.DataFrame:
    grouped = values.groupby(keys, sort=False)["value"]
    count, mean = grouped.count(), grouped.mean()
    # Student's t needs two prompts; with fewer the bounds are NaN.
    error = grouped.sem(ddof=1)
    half = error * stats.t.ppf(0.5 + confidence / 2, np.maximum(count - 1, 1))
    columns = {
        "mean": mean,
        "standard_deviation": grouped.std(ddof=0),
        "lower": mean - half,
        "upper": mean + half,
        "prompts": count,
    }
    return pd.DataFrame(columns).reset_index()


def _own_peaks(values: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Of each prompt's own peak over layers: mean value, and quartiles of its layer."""
    defined = values.loc[values["value"].notna()]
    own = defined.loc[defined.groupby([*keys, "prompt"], sort=False)["value"].idxmax()]
    grouped = own.groupby(keys, sort=False)
    return pd.DataFrame(
        {
            "mean_of_peaks": grouped["value"].mean(),
            "median_layer": grouped["layer"].median(),
            "lower_quartile": grouped["layer"].quantile(0.25),
            "upper_quartile": grouped["layer"].quantile(0.75),
        }
    )
