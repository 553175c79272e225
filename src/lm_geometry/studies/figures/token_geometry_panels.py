"""What the figures of token geometry share: lines with bands, colours of models and shuffles."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

from lm_geometry.figures import channels, theme
from lm_geometry.figures.panels import records_of, with_headroom
from lm_geometry.token_geometry.loss_correlations import POOLED

Series = Literal["model", "shuffle", "method"]
WIDTH, NARROW = 300, 205
HEIGHT, LOW, ROWS = 210, 170, 5  # of a panel; of one among more rows than so many
AT = {"scale": "scale", "k": "k =", "layer": "layer"}  # before a number in a panel's heading
BRACKETS = "split(datum.label, '\\n')"
# From matplotlib's map "plasma": S = 0, 1 ... 6. In grey two neighbours are as good as alike, so
# that every other one is dashed.
SHUFFLE_COLOURS = ["#0d0887", "#6a00a8", "#9c179e", "#cc4778", "#ed7953", "#fb9f3a", "#fdca26"]
DASHED = [5, 3]
NAMES = {"pearson": "Pearson", "pearson_log": "Pearson, log", "spearman": "Spearman"}


def series_names(values: Any, kind: Series) -> pd.Series:
    """How each value is called in legends: a model by its name, a shuffle by its blocks."""
    if kind == "shuffle":
        return values.map(_shuffle_name)
    return values.map(NAMES.get) if kind == "method" else values.astype(str)


def _shuffle_name(shuffle: int) -> str:
    if shuffle == POOLED:
        return "all shuffles"
    return f"S = {shuffle}: {4**shuffle:,} block{'s' if shuffle else ''}"


def series_colour(names: Sequence[str], kind: Series, symbol: str = "stroke") -> alt.Color:
    """Colour channel of the series: dark to light with S for shuffles, else one hue each."""
    colours = theme.CORPUS_COLOURS
    if kind == "shuffle":  # the same colour for the same S in every figure
        known = {_shuffle_name(at): colour for at, colour in enumerate(SHUFFLE_COLOURS)}
        known[_shuffle_name(POOLED)] = theme.INK
        colours = [known.get(name, SHUFFLE_COLOURS[-1]) for name in names]
    scale = alt.Scale(domain=list(names), range=colours)
    # A legend takes the opacity of the first layer, a band; what is everywhere the same needs none.
    legend = alt.Legend(symbolOpacity=1, symbolType=symbol, symbolStrokeWidth=3)
    legend = legend if len(names) > 1 else None
    return alt.Color("series:N", title=kind, scale=scale, legend=legend)


def series_dash(names: Sequence[str], kind: Series) -> alt.StrokeDash:
    """Dash channel of the series: every other shuffle is dashed; of others the colours suffice."""
    every_other = {_shuffle_name(at) for at in range(1, len(SHUFFLE_COLOURS), 2)}
    dashed = every_other if kind == "shuffle" else set()
    dashes = [DASHED if name in dashed else [1, 0] for name in names]
    legend = alt.Undefined if len(names) > 1 else None
    scale = alt.Scale(domain=names, range=dashes)
    return alt.StrokeDash("series:N", title=kind, scale=scale, legend=legend)


def lines(
    data: pd.DataFrame,
    x: alt.X,
    y_title: str,
    kind: Series,
    columns: int,
    zero: bool = False,
    width: float | None = None,
    thin: Sequence[str] = (),
) -> alt.FacetChart:
    """A panel for each value of `panel`, a line for each `series`, a band where bounds are given.

    Needs the columns panel, series, value, lower, upper and that of `x`; panels stand in the order
    of the rows and share their axes. `zero` draws a line there; series in `thin` are thin lines.
    """
    names = list(dict.fromkeys(data["series"]))
    y = alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False), axis=alt.Axis(grid=True))
    base = alt.Chart().encode(x=x, color=series_colour(names, kind))
    band = base.mark_area(opacity=theme.BAND_OPACITY).encode(y=channels.lower(y), y2="upper:Q")
    tooltip = ["series:N", x["shorthand"], "value:Q", "lower:Q", "upper:Q"]
    is_thin = f"indexof({json.dumps([*thin], ensure_ascii=False)}, datum.series) >= 0"
    stroke = {"condition": {"test": is_thin, "value": 0.9}, "value": 1.9}
    size = {"condition": {"test": is_thin, "value": 4}, "value": 16}
    line = base.mark_line().encode(y=y, strokeDash=series_dash(names, kind), strokeWidth=stroke)
    points = base.mark_point(filled=True, opacity=1).encode(y=y, size=size, tooltip=tooltip)
    bounded = [band] if bool(data["lower"].notna().to_numpy().any()) else []
    once = alt.Chart().transform_aggregate(records="count()")  # a panel, and not for each row
    level = once.mark_rule(color=theme.PALE, strokeWidth=0.8).encode(y=alt.datum(0))
    layers = [*([level] if zero else []), *bounded, line, points]
    width = width or (WIDTH if columns < 3 else 0.78 * WIDTH)
    return paneled(data, layers, columns, width).properties(spacing=18)


def paneled(
    data: pd.DataFrame, layers: Sequence[alt.Chart], columns: int, width: float
) -> alt.FacetChart:
    """The layers once per value of `panel`, in the order of the rows, its name bold at the left."""
    header = alt.Header(
        labelExpr=BRACKETS,
        labelFontSize=12,
        labelLineHeight=15,
        labelFontWeight="bold",
        labelColor=theme.INK,
        labelAnchor="start",
        labelPadding=6,
        title=None,
    )
    order = list(dict.fromkeys(data["panel"]))
    facet = alt.Facet("panel:N", sort=order, header=header)
    height = HEIGHT if len(order) <= ROWS * columns else LOW  # so that the page holds them
    spec = with_headroom(alt.layer(*layers).properties(width=width, height=height))
    chart = alt.FacetChart(data=records_of(data), spec=spec, facet=facet, columns=columns)
    # One axis for a column would stand under the empty cells at the end of the last row, too.
    return chart.resolve_axis(x="independent") if len(order) % columns else chart


def finished(rows: Sequence[Any], title: str, says: Sequence[str]) -> alt.VConcatChart:
    """The rows of panels below each other, under a title and what the figure says."""
    stacked = alt.vconcat(*rows, spacing=16, title=alt.Title(title, subtitle=list(says)))
    return stacked.configure(**theme.config())


def scale_axis() -> alt.X:
    """Position on the axis of GRIDE scales, a doubling each."""
    return alt.X(
        "scale:Q",
        title="scale: rank of the outer neighbour",
        scale=alt.Scale(type="log", base=2, nice=False, padding=12),
        axis=alt.Axis(format="d", labelOverlap=False),
    )
