"""Figures: a quantity of prompts over layers or scales, for one prompt and for the mean."""

from collections.abc import Sequence
from typing import Literal

import altair as alt
import pandas as pd

from lm_geometry.figures.panels import layer_axis
from lm_geometry.studies.figures.token_geometry_panels import (
    AT,
    NARROW,
    WIDTH,
    Series,
    finished,
    lines,
    scale_axis,
    series_names,
)

SPREAD = "Band: mean ± standard deviation over the prompts of that very line."
PAGE = 3  # rows of panels that stand below each other on a page
AXES = {"layer": layer_axis, "scale": scale_axis}
SCALES = "The inner neighbour has half the rank of the outer one."


def chart(
    values: pd.DataFrame,
    means: pd.DataFrame,
    prompt: int,
    quantity: str,
    series: Series,
    title: str,
    rows: str | None = None,
    banded: Sequence[int] | None = None,
    over: Literal["layer", "scale"] = "layer",
) -> alt.VConcatChart:
    """One prompt (left) and the mean with its spread (right), a line per series.

    `values` are a tidy table, `means` what `token_geometry.means.means` makes of it. `rows` names a
    column (scale, k, layer) for whose values there is a row of panels each. `banded` are the series
    that have a band; bands of all would hide each other. `over` is the axis.
    """
    data = pd.concat(_sides(values, means, prompt, series, banded), ignore_index=True)
    if rows:
        data["panel"] += f", {AT[rows]} " + data[rows].astype(str)
    parts = [part for _, part in data.groupby(rows)] if rows else [data]
    several = len(parts) > PAGE  # two rows side by side, in narrower panels
    width = NARROW if several else WIDTH
    drawn = [lines(part, AXES[over](), quantity, series, 2, width=width) for part in parts]
    if several:
        drawn = [alt.hconcat(*drawn[at : at + 2], spacing=10) for at in range(0, len(drawn), 2)]
    names = data["series"].unique()
    only = [f"{series}: {names[0]}"] if len(names) == 1 else []
    return finished(drawn, title, [*only, SPREAD, *([SCALES] if over == "scale" else [])])


def prompts(
    values: pd.DataFrame, quantity: str, series: Series, title: str, columns: int = 3
) -> alt.VConcatChart:
    """A panel for each prompt of a tidy table, over layers, a line per series."""
    data = values.assign(series=series_names(values[series], series), lower=None, upper=None)
    data["panel"] = "prompt " + values["prompt"].astype(str)
    return finished([lines(data, layer_axis(), quantity, series, columns)], title, [])


def models(
    values: pd.DataFrame,
    means: pd.DataFrame,
    prompt: int,
    quantity: str,
    title: str,
    banded: Sequence[int] | None = None,
) -> alt.VConcatChart:
    """Models side by side, a line per shuffle: one prompt above, the mean with its spread below."""
    rows = []
    for part in _sides(values, means, prompt, "shuffle", banded):
        named = part.assign(panel=part["model"] + ", " + part["panel"])
        columns = max(2, len(set(part["model"])))
        rows.append(lines(named, layer_axis(), quantity, "shuffle", columns))
    return finished(rows, title, [SPREAD])


def _sides(
    values: pd.DataFrame,
    means: pd.DataFrame,
    prompt: int,
    series: Series,
    banded: Sequence[int] | None,
) -> list[pd.DataFrame]:
    """The rows of one prompt, and those of the mean with their band."""
    left = values.loc[values["prompt"] == prompt].assign(lower=None, upper=None)
    if left.empty:
        there = sorted(values["prompt"].unique())
        some = ", ".join(map(str, there[:8])) + (" …" if len(there) > 8 else "")
        raise ValueError(f"prompt: {prompt} is not in the table; there are {some}")
    spread = means["standard_deviation"]
    if banded is not None:
        spread = spread.where(means[series].isin(list(banded)))
    bounds = {"lower": means["mean"] - spread, "upper": means["mean"] + spread}
    right = means.assign(value=means["mean"], **bounds)
    sides = {f"prompt {prompt}": left, f"mean of {means['prompts'].max()} prompts": right}
    columns = [name for name in left.columns if name in right.columns and name != "series"]
    return [
        side[columns].assign(panel=panel, series=series_names(side[series], series))
        for panel, side in sides.items()
    ]
