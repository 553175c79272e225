"""Figure: mean local dimension of every layer over the checkpoints."""

import altair as alt

from lm_geometry.figures import channels, panels, theme


def chart(data: panels.Data) -> panels.Panels:
    """Mean local dimension over optimiser steps, a panel per layer and a line per corpus split."""
    axis = alt.Axis(
        tickCount=4, tickMinStep=1, labelExpr="datum.value === 0 ? 'base' : datum.label"
    )
    encoded = panels.only_records(alt.Chart()).encode(
        x=alt.X("step:Q", title="optimiser step", axis=axis, scale=channels.snug()),
        color=channels.corpus_colour(),
        detail=["split:N", "beside:N"],
    )
    y = alt.Y("mean:Q", title="mean local dimension", scale=alt.Scale(zero=False))
    tooltip = [
        "revision:N",
        "series:N",
        "split:N",
        "layer:O",
        "reading:N",
        "checkpoint:N",
        *channels.interval("mean"),
    ]
    shown = encoded.transform_filter("!datum.beside")
    band = shown.mark_area(opacity=theme.BAND_OPACITY).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line().encode(
        y=y, strokeDash=channels.beside([4, 3], [1, 0]), strokeWidth=channels.beside(1.3, 2)
    )
    points = shown.mark_point(filled=True, size=45, opacity=1).encode(
        y=y, shape=channels.split_shape(), tooltip=tooltip
    )
    layered = alt.layer(band, line, points, panels.message()).properties(width=185, height=150)
    return panels.panels(
        panels.by_layer(layered),
        data,
        "Mean local dimension at each checkpoint, layer by layer",
        [
            "Points: mean over the tokens of a cloud, the same tokens at every checkpoint.",
            "Bands: the interval named below. Dashed: the published reading, of all neighbours, "
            "where it stands beside.",
        ],
        line=panels.SPLITS,
    )
