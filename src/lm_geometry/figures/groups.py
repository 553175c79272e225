"""Figure: the most and the least dimensional tokens, and the mean of every other group."""

import altair as alt

from lm_geometry.figures import channels, panels
from lm_geometry.figures.theme import SIDES

_CELL = (
    "isValid(datum.message) ? '' : datum.series + ', ' + datum.split + '\\n' + datum.grouping"
    " + ', layer ' + datum.layer"
)
ROW = 9  # pixels of a side of a group
# Of a group that is in two or three documents an interval may be ten times as wide as the mean, and
# below 0, where no dimension is: its axis would leave the other groups a point.
# One without an interval is a point.
_CUT = {
    "bar_start": "isValid(datum.lower) ? max(datum.lower, 0) : datum.mean",
    "bar_end": "isValid(datum.upper) ? min(datum.upper, 2 * datum.mean) : datum.mean",
}


def chart(data: panels.Data) -> panels.Panels:
    """Mean local dimension of each group, a panel per corpus split and kind of group."""
    encoded = channels.with_side(panels.only_records(alt.Chart())).encode(
        y=alt.Y(
            "group:N",
            title=None,
            sort=channels.first_of("place"),
            axis=alt.Axis(labelLimit=140, labelOverlap=False),
        ),
        # Beside each other, so that the interval of one does not lie under the other's.
        yOffset=alt.YOffset("side:N", scale=alt.Scale(domain=SIDES, paddingOuter=0.2)),
        color=channels.corpus_colour(),
    )
    x = alt.X("mean:Q", title="mean local dimension", scale=channels.snug())
    lower = x.copy()
    lower.shorthand = "bar_start:Q"
    tooltip = [
        *("revision:N", "series:N", "split:N", "checkpoint:N", "group:N", "tokens:Q"),
        *channels.interval("mean"),
    ]
    bars = encoded.mark_rule().encode(
        x=lower,
        x2="bar_end:Q",
        strokeDash=channels.side_dash(),
    )
    points = channels.side_points(encoded.encode(x=x, tooltip=tooltip))
    layered = alt.layer(_reach(x), bars, *points, panels.message())
    layered = layered.properties(width=250, height=alt.Step(ROW))
    facet = alt.Facet("cell:N", sort=channels.first_of("row_of_data"))
    figure = panels.panels(
        panels.cells(layered, facet, columns=2).resolve_scale(x="independent", y="independent"),
        data,
        "Which tokens have many dimensions, and which have few",
        [
            "Points: mean over all tokens of a group in the cloud; hollow and dashed base, full "
            "fine-tuned.",
            "Bars: the interval named below, cut at 0 and at twice the mean. Where there are many "
            "groups, those at both ends; rare ones are left out.",
            "Panels of the same kind of group have the same axis, and others one of their own.",
        ],
        line=panels.SHOWN_STEP,
    )
    cut = figure.transform_calculate(cell=_CELL, **_CUT)
    return cut.transform_joinaggregate(
        least="min(bar_start)", most="max(bar_end)", groupby=["grouping"]
    )


def _reach(x: alt.X) -> alt.Chart:
    """Unseen: as far as the panels of this kind of group reach, so that their axes are alike.

    The few tokens at the upper end would leave those at the lower one a part of an axis of all.
    """
    least = x.copy()
    least.shorthand = "least:Q"
    once = panels.only_records(alt.Chart()).transform_aggregate(
        least="min(least)", most="max(most)"
    )
    return once.mark_rule(opacity=0).encode(x=least, x2="most:Q", y=alt.value(0))
