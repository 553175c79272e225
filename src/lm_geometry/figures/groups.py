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
_CUT = {"bar_start": "max(datum.lower, 0)", "bar_end": "min(datum.upper, 2 * datum.mean)"}


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
    layered = alt.layer(bars, *points, panels.message()).properties(width=250, height=alt.Step(ROW))
    facet = alt.Facet("cell:N", sort=channels.first_of("row_of_data"))
    figure = panels.panels(
        panels.cells(layered, facet, columns=2)
        .resolve_scale(y="independent")
        .resolve_axis(x="independent"),
        data,
        "Which tokens have many dimensions, and which have few",
        [
            "Points: mean over all tokens of a group in the cloud; hollow and dashed base, full "
            "fine-tuned.",
            "Bars: the interval named below, cut at 0 and at twice the mean. Where there are many "
            "groups, those at both ends; rare ones are left out.",
        ],
        line=panels.SHOWN_STEP,
    )
    return figure.transform_calculate(cell=_CELL, **_CUT)
