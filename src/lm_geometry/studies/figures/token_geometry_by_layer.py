"""Figures: a quantity of prompts over layers or scales, for one prompt and for the mean."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from lm_geometry.studies.figures.token_geometry_panels import (
    Series,
    finished,
    layer_axis,
    lines,
    scale_axis,
    series_names,
)

SPREAD = "Band: mean ± standard deviation over the prompts of that very line."
ROWS = {"scale": "scale", "k": "k =", "layer": "layer"}


def chart(
    values: pd.DataFrame,
    means: pd.DataFrame,
    prompt: int,
    quantity: str,
    series: Series,
    title: str,
    rows: str | None = None,
    banded: Sequence[int] | None = None,
) -> alt.VConcatChart:
    """One prompt (left) and the mean with its spread (right) over layers, a line per series.

    `values` are a tidy table, `means` what `token_geometry.means.means` makes of it. `rows` names a
    column (scale, k) for whose values there is a row of panels each. `banded` are the series that
    have a band; bands of all would hide each other.
    """
    return _chart(values, means, prompt, quantity, series, title, rows, banded, over="layer")


def by_scale(
    values: pd.DataFrame,
    means: pd.DataFrame,
    prompt: int,
    quantity: str,
    series: Series,
    title: str,
    banded: Sequence[int] | None = None,
) -> alt.VConcatChart:
    """One prompt and the mean over the scales of GRIDE, a row of panels for each layer."""
    return _chart(values, means, prompt, quantity, series, title, "layer", banded, over="scale")


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
    above, below = _sides(values, means, prompt, "shuffle", banded)
    rows = [
        lines(
            part.assign(panel=part["model"] + ", " + part["panel"]),
            layer_axis(),
            quantity,
            "shuffle",
            columns=max(2, len(set(part["model"]))),
        )
        for part in (above, below)
    ]
    return finished(rows, title, [SPREAD])


def _chart(
    values: pd.DataFrame,
    means: pd.DataFrame,
    prompt: int,
    quantity: str,
    series: Series,
    title: str,
    rows: str | None,
    banded: Sequence[int] | None,
    over: str,
) -> alt.VConcatChart:
    left, right = _sides(values, means, prompt, series, banded)
    axis = layer_axis() if over == "layer" else scale_axis()
    data = pd.concat([left, right], ignore_index=True)
    if rows is None:
        return finished([lines(data, axis, quantity, series, 2)], title, [SPREAD])
    stacked = []
    for value, part in data.groupby(rows):
        panel = part["panel"] + f", {ROWS[rows]} {value}"
        stacked.append(lines(part.assign(panel=panel), axis, quantity, series, 2))
    return finished(stacked, title, [SPREAD])


def _sides(
    values: pd.DataFrame,
    means: pd.DataFrame,
    prompt: int,
    series: Series,
    banded: Sequence[int] | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of one prompt, and those of the mean with their band."""
    own = pd.DataFrame(values[values["prompt"] == prompt])
    if own.empty:
        raise ValueError(f"prompt: {prompt} is not in the table; there are {_some(values)}")
    left = own.assign(panel=f"prompt {prompt}", lower=None, upper=None)
    spread = means["standard_deviation"]
    if banded is not None:
        spread = spread.where(means[series].isin(list(banded)))
    right = means.assign(
        value=means["mean"],
        lower=means["mean"] - spread,
        upper=means["mean"] + spread,
        panel=f"mean of {means['prompts'].max()} prompts",
    )
    columns = [name for name in left.columns if name in right.columns and name != "series"]
    sides = []
    for side in (left, right):
        named = side[columns].assign(series=series_names(side[series], series))
        sides.append(pd.DataFrame(named))
    return sides[0], sides[1]


def _some(values: pd.DataFrame) -> str:
    there = sorted(values["prompt"].unique())
    return ", ".join(map(str, there[:8])) + (" …" if len(there) > 8 else "")
