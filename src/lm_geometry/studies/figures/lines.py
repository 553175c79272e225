"""Figures of a study's means: lines with intervals over runs, and box plots over draws."""

import textwrap
from typing import Any

import altair as alt

from lm_geometry.figures import channels, panels, theme
from lm_geometry.figures.records import Record
from lm_geometry.studies.definition import Figure

Y_TITLES = {
    "dimension": "mean local dimension",
    "change": "change in mean local dimension since base",
    "difference": "change on the fine-tuned corpus − change on the control",
}
WIDTH, HEIGHT = 560, 300


def lines(figure: Figure, data: list[Record], says: list[str]) -> panels.Panels:
    """Means over `x`, a line per corpus split and side, with an interval each.

    Records have x, value, lower, upper, runs, corpus, role, split, layer, step, side, settings;
    of changes and differences also adjusted_p_value and whether it is firm.
    """
    encoded = panels.only_records(alt.Chart()).encode(
        x=_x(figure, data), color=_colour(figure), detail=["split:N", "side:N"]
    )
    y = alt.Y("value:Q", title=_y_title(figure), scale=alt.Scale(zero=False))
    tooltip = ["series:N", "split:N", "side:N", "runs:Q", *channels.interval("value")]
    bars = encoded.mark_rule(strokeWidth=1.6).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y)
    if figure.value == "dimension":  # of changes there is no base
        line = line.encode(strokeDash=channels.side_dash())
        points = channels.side_points(encoded.encode(y=y, tooltip=tooltip))
        layers = [bars, line, *points, panels.message()]
    else:
        points = _points_by_firmness(encoded.encode(y=y), tooltip)
        layers = [_zero(), bars, line, *points, panels.message()]
    return _paneled(figure, alt.layer(*layers), data, says)


def boxes(figure: Figure, data: list[Record], says: list[str]) -> panels.Panels:
    """Box plots of one mean per draw over `x`, a box per corpus and side, each draw a point.

    Records have x, value, corpus, role, split, layer, step, side, settings; one for each draw.
    """
    apart = alt.XOffset("cell:N", sort=channels.first_of("cell_order"))
    encoded = (
        panels.only_records(alt.Chart())
        .transform_calculate(
            cell="datum.series + ' ' + datum.side",
            cell_order="datum.series_order + (datum.side === 'base' ? 0 : 0.5)",
        )
        .encode(
            x=alt.X(
                "x:O", title=_x_title(figure), sort=channels.first_of("x_order"), axis=_level()
            ),
            xOffset=apart,
            color=_colour(figure),
            y=alt.Y("value:Q", title=Y_TITLES["dimension"], scale=alt.Scale(zero=False)),
        )
    )
    box = encoded.mark_boxplot(extent="min-max", size=18, opacity=theme.BASE_OPACITY).encode()
    points = [
        encoded.mark_point(filled=True, size=28, opacity=1).transform_filter(
            "datum.side !== 'base'"
        ),
        encoded.mark_point(fill="white", size=28, opacity=1).transform_filter(
            "datum.side === 'base'"
        ),
    ]
    return _paneled(figure, alt.layer(box, *points, panels.message()), data, says)


def _paneled(figure: Figure, layered: Any, data: panels.Data, says: list[str]) -> panels.Panels:
    layered = layered.properties(width=WIDTH, height=HEIGHT)
    if _by_layer(figure):
        small = layered.properties(width=240, height=190)
        return panels.panels(panels.by_layer(small, columns=3), data, figure.title, says)
    return panels.panels(layered, data, figure.title, says)


def _by_layer(figure: Figure) -> bool:
    """Whether each layer has a small panel of its own."""
    return figure.layers == "all" and figure.x != "layer"


def _y_title(figure: Figure) -> str | list[str]:
    title = Y_TITLES[figure.value]
    if not _by_layer(figure):
        return title
    return textwrap.wrap(title, 28)  # a longer line would run into the next row of panels


def _x(figure: Figure, data: list[Record]) -> Any:
    title = _x_title(figure)
    if figure.x_scale == "category":
        return alt.X("x:O", title=title, sort=channels.first_of("x_order"), axis=_level())
    if figure.x_scale == "log":
        scale = alt.Scale(type="log", nice=False, padding=12)
        axis = alt.Axis(format="~g")
        if figure.x != "hausdorff":  # the values of a grid are its ticks
            axis = alt.Axis(format="~g", values=sorted({row["x"] for row in data}))
        return alt.X("x:Q", title=title, scale=scale, axis=axis)
    whole = alt.Axis(tickMinStep=1) if figure.x in ("layer", "step") else alt.Axis()
    return alt.X("x:Q", title=title, scale=channels.snug(), axis=whole)


def _level() -> alt.Axis:
    return alt.Axis(labelAngle=0, labelLimit=220)


def _x_title(figure: Figure) -> str:
    return figure.x_title or figure.x.replace("_", " ")


def _colour(figure: Figure) -> alt.Color:
    colour = channels.corpus_colour()
    if figure.value == "difference":
        colour = colour.title("corpora")
    return colour


def _points_by_firmness(chart: alt.Chart, tooltip: list[Any]) -> list[alt.Chart]:
    """Points of `chart` by split: full where a change is firm, hollow where it is not."""
    told = "isValid(datum.adjusted_p_value) ? format(datum.adjusted_p_value, '.2g') : 'undefined'"
    tooltip = [*tooltip, alt.Tooltip("adjusted_p:N", title="adjusted p")]
    shaped = chart.transform_calculate(adjusted_p=told).encode(
        shape=channels.split_shape(), tooltip=tooltip
    )
    # The full ones come first, since a legend takes the fill of the first layer.
    full = shaped.mark_point(filled=True, size=65, opacity=1)
    hollow = shaped.mark_point(fill="white", strokeWidth=1.8, size=50, opacity=1)
    return [full.transform_filter("datum.firm"), hollow.transform_filter("!datum.firm")]


def _zero() -> alt.Chart:
    zero = alt.Chart().transform_aggregate(records="count()").encode(y=alt.datum(0))
    return zero.mark_rule(color=theme.INK, strokeWidth=1.2)
