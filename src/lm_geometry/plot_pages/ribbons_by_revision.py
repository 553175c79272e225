"""Figure of DVC's pages: mean local dimension through the layers, two lines for each revision."""

import altair as alt

from lm_geometry.figures import channels, nudged, panels
from lm_geometry.plot_pages import revisions

WIDTH, HEIGHT = 400, 280
# Side by side at a layer, so that intervals stay apart: base and fine-tuned of each revision.
PLACE = (
    f"datum.layer + {nudged.SHARE} * "
    "((datum.place + (datum.side === 'base' ? 0.25 : 0.75)) / (datum.last_place + 1) - 0.5)"
)


def chart(data: panels.Data) -> panels.Panels:
    """Mean and interval over layers, a panel per corpus split and a colour per revision."""
    sides = channels.with_side(revisions.shown_reading()).transform_joinaggregate(
        last_place="max(place)", groupby=["all"]
    )
    encoded = sides.transform_calculate(nudged=PLACE).encode(
        x=alt.X("nudged:Q", title="layer", axis=alt.Axis(tickMinStep=1), scale=channels.snug()),
        color=revisions.revision_colour(),
        detail=["rev:N", "side:N"],
    )
    y = alt.Y("mean:Q", title="mean local dimension", scale=alt.Scale(zero=False))
    tooltip = [
        *("revision:N", "series:N", "split:N", "checkpoint:N", "layer:O"),
        *channels.interval("mean"),
    ]
    bars = encoded.mark_rule(strokeWidth=1.3).encode(
        y=channels.lower(y), y2="upper:Q", strokeDash=channels.side_dash()
    )
    line = encoded.mark_line(strokeWidth=2).encode(y=y, strokeDash=channels.side_dash())
    points = encoded.mark_point(filled=True, size=45, opacity=1).encode(y=y, tooltip=tooltip)
    layered = alt.layer(
        bars, line, points.transform_filter("datum.side !== 'base'"), panels.message()
    )
    return revisions.laid_over(
        layered.properties(width=WIDTH, height=HEIGHT),
        data,
        "Mean local dimension through the layers, revision by revision",
        [
            "Solid, with points: the checkpoint that each revision shows. Dashed: its base.",
            "Points: mean over the tokens of a cloud. Bars: the interval named below.",
        ],
    )
