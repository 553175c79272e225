"""Figure: training and validation loss over the optimiser steps."""

import altair as alt

from lm_geometry.figures import channels, panels

CURVES = ["training", "validation"]


def chart(data: panels.Data) -> panels.Panels:
    """Loss (nat per token) over optimiser steps, a line per curve and corpus split."""
    encoded = panels.only_records(alt.Chart()).encode(
        x=alt.X(
            "step:Q",
            title="optimiser step (0 = base)",
            axis=alt.Axis(tickMinStep=1, tickCount=8),
            scale=channels.snug(),
        ),
        y=alt.Y("loss:Q", title="loss (nat per token)", scale=alt.Scale(zero=False)),
        color=channels.corpus_colour(),
        detail="split:N",
        tooltip=["revision:N", "series:N", "split:N", "curve:N", "step:Q", _loss()],
    )
    width = alt.StrokeWidth(
        "curve:O", scale=alt.Scale(domain=CURVES, range=[0.9, 2.4]), legend=None
    )
    opacity = alt.Opacity("curve:O", scale=alt.Scale(domain=CURVES, range=[0.65, 1.0]), legend=None)
    lines = encoded.mark_line().encode(strokeWidth=width, opacity=opacity)
    points = (
        encoded.mark_point(filled=True, size=55, opacity=1)
        .encode(shape=channels.split_shape())
        .transform_filter("datum.curve === 'validation'")
    )
    layered = alt.layer(lines, points, panels.message()).properties(width=600, height=300)
    return panels.panels(
        layered,
        data,
        "Loss while fine-tuning",
        [
            "Thin: the batch of each step. Thick with points: held-out text at each checkpoint.",
            "The control corpus was never trained on: its loss shows what fine-tuning costs "
            "elsewhere.",
        ],
    )


def _loss() -> alt.Tooltip:
    return alt.Tooltip("loss:Q", format=".3f")
