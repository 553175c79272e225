"""Figure: mean local dimension through the layers, before and after fine-tuning."""

import altair as alt

from lm_geometry.figures import channels, panels, theme

WIDTH, HEIGHT = 470, 320


def chart(data: panels.Data) -> panels.Panels:
    """Mean local dimension over layers, a line per corpus split and side (base, fine-tuned)."""
    encoded = channels.with_side(panels.only_records(alt.Chart())).encode(
        x=alt.X("layer:Q", title="layer", axis=alt.Axis(tickMinStep=1), scale=channels.snug()),
        color=channels.corpus_colour(),
        detail=["split:N", "side:N"],
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
    band = encoded.mark_area(opacity=theme.BAND_OPACITY).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y, strokeDash=channels.side_dash())
    points = channels.side_points(encoded.encode(y=y, tooltip=tooltip))
    layered = alt.layer(band, line, *points, panels.message())
    return panels.panels(
        panels.by_reading(layered.properties(width=WIDTH, height=HEIGHT)),
        data,
        "Mean local dimension through the layers",
        [
            "Dashed and hollow: the base model. Solid: the fine-tuned checkpoint named above each "
            "panel.",
            "Points: mean over the tokens of a cloud, the same tokens on both sides. "
            "Bands: the interval named above.",
        ],
        line=panels.SHOWN_STEP,
    )
