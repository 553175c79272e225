"""Figures: how far the geometry of a prompt tells its loss."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from lm_geometry.figures import theme
from lm_geometry.figures.panels import layer_axis
from lm_geometry.studies.figures.token_geometry_panels import (
    AT,
    WIDTH,
    Series,
    finished,
    lines,
    paneled,
    series_colour,
    series_names,
)

SCATTERED = (
    "A point is a prompt; dashed: least squares. Each panel has axes of its own,",
    "and is of the layer where the correlation is largest: it was looked for.",
)
INTERVAL = "Band: bootstrap interval over prompts."


def chart(
    correlations: pd.DataFrame,
    series: Series,
    panel: Sequence[str],
    title: str,
    says: Sequence[str] = (),
    columns: int = 3,
) -> alt.VConcatChart:
    """Correlation with loss over layers, a line with its interval per series.

    `correlations` is what `token_geometry.loss_correlations` makes, with a column `quantity` or
    others added; `panel` names the columns whose values have a panel each.
    """
    parts = [_words(correlations, name) for name in panel]
    data = correlations.assign(
        series=series_names(correlations[series], series),
        panel=[", ".join(filter(None, words)) for words in zip(*parts, strict=True)],
    )
    between = data.loc[data["shuffle"] > 0, "series"] if series == "shuffle" else []
    thin = list(dict.fromkeys(between))
    title_of_y = "correlation with loss"
    drawn = lines(data, layer_axis(), title_of_y, series, columns, zero=True, thin=thin)
    return finished([drawn], title, [*says, INTERVAL])


def scatter(
    pairs: pd.DataFrame, quantity: str, series: Series, title: str, columns: int = 2
) -> alt.VConcatChart:
    """Loss of each prompt against its `value`, a panel for each `panel`, with a regression line.

    `pairs` has the columns panel, value, loss, and that of `series`.
    """
    data = pairs.assign(series=series_names(pairs[series], series))
    names = list(dict.fromkeys(data["series"]))
    base = alt.Chart().encode(
        x=alt.X("value:Q", title=quantity, scale=alt.Scale(zero=False)),
        y=alt.Y("loss:Q", title="loss (nat per token)", scale=alt.Scale(zero=False)),
    )
    points = base.mark_point(filled=True, size=42, opacity=0.75).encode(
        color=series_colour(names, series, "circle"),
        tooltip=["prompt:O", "series:N", "value:Q", "loss:Q"],
    )
    line = base.transform_regression("value", "loss", groupby=["panel"]).mark_line(
        color=theme.INK, strokeWidth=1.2, strokeDash=[4, 3]
    )
    drawn = paneled(data, [points, line], columns, WIDTH)
    drawn = drawn.resolve_scale(x="independent", y="independent")
    return finished([drawn], title, list(SCATTERED))


def _words(table: pd.DataFrame, name: str) -> list[str]:
    """What a panel's heading says of a column."""
    if name in ("shuffle", "method"):
        return list(series_names(table[name], name))
    if name in ("scale", "k"):
        return ["" if pd.isna(value) else f"{AT[name]} {int(value)}" for value in table[name]]
    return [str(value) for value in table[name]]
