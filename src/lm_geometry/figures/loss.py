"""Figure: held-out loss of every corpus over the optimiser steps."""

import altair as alt

from lm_geometry.figures import channels, panels

# Records of revisions from before this was left to the figure of training have batches, too.
_HELD_OUT = "datum.curve !== 'training'"


def chart(data: panels.Data) -> panels.Panels:
    """Loss (nat per token) over optimiser steps, a line per corpus split."""
    held_out = panels.only_records(alt.Chart()).transform_filter(_HELD_OUT)
    encoded = held_out.encode(
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
    lines = encoded.mark_line(strokeWidth=2.4)
    points = encoded.mark_point(filled=True, size=55, opacity=1).encode(
        shape=channels.split_shape()
    )
    layered = alt.layer(lines, points, panels.message()).properties(width=600, height=300)
    return panels.panels(
        layered,
        data,
        "Held-out loss of every corpus",
        [
            "Points: mean over held-out text, at each checkpoint. A control corpus was never "
            "trained on: its loss shows what fine-tuning costs elsewhere.",
            "The loss of training batches and the scores of the task are in “Training: loss and "
            "scores”.",
        ],
    )


def _loss() -> alt.Tooltip:
    return alt.Tooltip("loss:Q", format=".3f")
