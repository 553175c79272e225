"""Figure: mean local dimension of every layer over the checkpoints."""

import altair as alt

from lm_geometry.figures import theme


def chart(data: theme.Data) -> theme.Panels:
    """Mean local dimension over optimiser steps, a panel per layer and a line per corpus split."""
    axis = alt.Axis(
        tickCount=4, tickMinStep=1, labelExpr="datum.value === 0 ? 'base' : datum.label"
    )
    encoded = theme.only_records(alt.Chart()).encode(
        x=alt.X("step:Q", title="optimiser step", axis=axis),
        color=theme.corpus_colour(),
        detail="split:N",
    )
    y = alt.Y("mean:Q", title="mean local dimension", scale=alt.Scale(zero=False))
    tooltip = ["revision:N", "series:N", "split:N", "layer:O", "checkpoint:N", *theme.interval("mean")]
    band = encoded.mark_area(opacity=theme.BAND_OPACITY).encode(y=theme.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y)
    points = encoded.mark_point(filled=True, size=45, opacity=1).encode(
        y=y, shape=theme.split_shape(), tooltip=tooltip
    )
    layered = alt.layer(band, line, points, theme.message()).properties(width=185, height=150)
    return theme.panels(
        theme.by_layer(layered),
        data,
        "Mean local dimension at each checkpoint, layer by layer",
        [
            "Points: mean over the tokens of one cloud, the same tokens at every checkpoint.",
            "Bands: 95 % interval.",
        ],
    )
