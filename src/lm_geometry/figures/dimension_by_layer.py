"""Figure: mean local dimension through the layers, before and after fine-tuning."""

import altair as alt

from lm_geometry.figures import theme


def chart(data: theme.Data) -> theme.Panels:
    """Mean local dimension over layers, a line per corpus split and side (base, fine-tuned)."""
    encoded = theme.with_side(theme.only_records(alt.Chart())).encode(
        x=alt.X("layer:Q", title="layer", axis=alt.Axis(tickMinStep=1), scale=theme.snug()),
        color=theme.corpus_colour(),
        detail=["split:N", "side:N"],
    )
    y = alt.Y("mean:Q", title="mean local dimension", scale=alt.Scale(zero=False))
    tooltip = ["revision:N", "series:N", "split:N", "checkpoint:N", "layer:O", *theme.interval("mean")]
    band = encoded.mark_area(opacity=theme.BAND_OPACITY).encode(y=theme.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y, strokeDash=theme.side_dash())
    points = encoded.mark_point(filled=True, size=50, opacity=1).encode(
        y=y, shape=theme.split_shape(), tooltip=tooltip
    )
    layered = alt.layer(band, line, points, theme.message()).properties(width=600, height=320)
    return theme.panels(
        layered,
        data,
        "Mean local dimension through the layers",
        [
            "Dashed: the base model. Solid: the fine-tuned checkpoint named above each panel.",
            "Points: mean over the tokens of one cloud, the same tokens on both sides. "
            "Bands: 95 % interval.",
        ],
        line=theme.SHOWN_STEP,
    )
