"""Lines of one layer side by side, so that their intervals stay apart."""

import altair as alt

from lm_geometry.figures import channels, panels

SHARE = 0.5  # of the distance of two layers
PLACE = f"datum.layer + {SHARE} * ((datum.place - 0.5) / datum.places - 0.5)"


def by_line(chart: alt.Chart, panel: str) -> alt.Chart:
    """`chart` with the fields `side` and `nudged`: where a corpus split's side stands at a layer.

    `panel` is the field that tells which records share a panel.
    """
    lines = "series_order", "split", "step"
    order: list[alt.SortField | dict[str, str]] = [alt.SortField(name) for name in lines]
    return (
        channels.with_side(chart)
        .transform_joinaggregate(series_order="min(series_order)", groupby=["series"])
        .transform_window(place="dense_rank()", sort=order, groupby=["panel", panel])
        .transform_joinaggregate(places="max(place)", groupby=["panel", panel])
        .transform_calculate(nudged=PLACE)
    )


def x(data: panels.Data) -> alt.X:
    """The position of such a line on the axis of layers."""
    axis = panels.layer_axis(data)
    axis.shorthand = "nudged:Q"
    return axis
