"""Figure: GRIDE dimension against the scale at which it is measured."""

import altair as alt

from lm_geometry.figures import theme


def chart(data: theme.Data) -> theme.Panels:
    """GRIDE dimension over neighbour ranks (log2), a panel per layer, a line per corpus and side."""
    encoded = theme.with_side(theme.only_records(alt.Chart())).encode(
        x=alt.X(
            "scale:Q",
            title="scale: rank n₂ of the outer neighbour (inner: n₁ = n₂ / 2)",
            scale=alt.Scale(type="log", base=2, nice=False),
            axis=alt.Axis(format="d", labelOverlap=False),
        ),
        color=theme.corpus_colour(),
        detail=["split:N", "side:N"],
    )
    y = alt.Y("dimension:Q", title="GRIDE dimension", scale=alt.Scale(zero=False))
    tooltip = [
        *("revision:N", "series:N", "split:N", "checkpoint:N", "layer:O", "scale:Q"),
        *theme.interval("dimension"),
    ]
    bars = encoded.mark_rule(strokeWidth=1.2).encode(y=theme.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y, strokeDash=theme.side_dash())
    points = encoded.mark_point(filled=True, size=45, opacity=1).encode(
        y=y, shape=theme.split_shape(), tooltip=tooltip
    )
    layered = alt.layer(bars, line, points, theme.message()).properties(width=400, height=280)
    return theme.panels(
        theme.by_layer(layered, columns=2),
        data,
        "GRIDE dimension by scale",
        [
            "Left: nearest neighbours. Right: wider surroundings. One estimate per cloud and scale; "
            "bars: its interval.",
            "Dashed: the base model. Solid: the fine-tuned checkpoint named above each panel.",
        ],
        line=theme.SHOWN_STEP,
    )
