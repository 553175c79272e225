"""Figure: mean local dimension through the layers, before and after fine-tuning."""

import altair as alt

from lm_geometry.figures import channels, nudged, panels

WIDTH, HEIGHT = 470, 320


def chart(data: panels.Data) -> panels.Panels:
    """Mean local dimension over layers, a line per corpus split and side (base, fine-tuned)."""
    encoded = nudged.by_line(panels.only_records(alt.Chart()), "reading_name").encode(
        x=nudged.x(data), color=channels.corpus_colour(), detail=["split:N", "side:N"]
    )
    y = alt.Y("mean:Q", title="mean local dimension", scale=alt.Scale(zero=False))
    tooltip = [
        "revision:N",
        "series:N",
        "split:N",
        "checkpoint:N",
        "layer:O",
        "reading:N",
        *channels.interval("mean"),
    ]
    bars = encoded.mark_rule(strokeWidth=1.3).encode(
        y=channels.lower(y), y2="upper:Q", strokeDash=channels.side_dash()
    )
    line = encoded.mark_line(strokeWidth=2).encode(y=y, strokeDash=channels.side_dash())
    points = channels.side_points(encoded.encode(y=y, tooltip=tooltip))
    layered = alt.layer(bars, line, *points, panels.message())
    return panels.panels(
        panels.by_reading(layered.properties(width=WIDTH, height=HEIGHT)),
        data,
        "Mean local dimension through the layers",
        [
            "Dashed and hollow: the base model. Solid: the fine-tuned checkpoint named below.",
            "Points: mean over the tokens of a cloud, the same tokens on both sides. "
            "Bars: the interval named below.",
        ],
        line=f"{panels.SHOWN_STEP} + {panels.SPLITS}",
    )
