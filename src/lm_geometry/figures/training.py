"""Figure: loss and scores of the task over the optimiser steps, also while training goes on."""

import altair as alt
import pandas as pd

from lm_geometry.figures import channels, panels, theme

COLOURS = {
    "training": theme.PALE,
    "validation": theme.CORPUS_COLOURS[0],
    "test": theme.CORPUS_COLOURS[1],
}


def chart(data: panels.Data) -> panels.Panels:
    """Every measure of a training run over its steps, a panel each, with an axis of its own."""
    there = _curves(data)
    colours = alt.Scale(domain=there, range=[COLOURS[curve] for curve in there])
    encoded = panels.only_records(alt.Chart()).encode(
        x=alt.X(
            "step:Q",
            title="optimiser step (0 = base)",
            axis=alt.Axis(tickMinStep=1, tickCount=5, format="~s"),
            scale=channels.snug(),
        ),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        color=alt.Color(
            "curve:N", title="curve", scale=colours, legend=alt.Legend(symbolOpacity=1)
        ),
        tooltip=["revision:N", "measure:N", "curve:N", "corpus:N", "split:N", "step:Q", _value()],
    )
    lines = encoded.mark_line().encode(
        strokeWidth=alt.StrokeWidth("curve:N", scale=_scale(there, 0.9, 2.2)),
        opacity=alt.Opacity("curve:N", scale=_scale(there, 0.6, 1.0)),
    )
    points = encoded.mark_point(filled=True, size=40, opacity=1).transform_filter(
        "datum.curve !== 'training'"
    )
    layered = alt.layer(lines, points, panels.message()).properties(width=280, height=190)
    measure = alt.Facet("measure:N", sort=channels.first_of("place"))
    faceted = panels.cells(layered, measure, columns=2).resolve_scale(y="independent")
    return panels.panels(
        faceted,
        data,
        "Training: loss and scores",
        [
            "Training: the batch of each step. Validation: held-out text, at each checkpoint.",
            "The file grows while training goes on: draw it again to see how far it is.",
        ],
    )


def _curves(data: panels.Data) -> list[str]:
    """The curves that a legend names: test where it was scored; of a template nothing is known."""
    rows = data.to_dict("records") if isinstance(data, pd.DataFrame) else data
    scored = any(row.get("curve") == "test" for row in rows)
    return [curve for curve in COLOURS if curve != "test" or scored or not len(rows)]


def _scale(curves: list[str], training: float, others: float) -> alt.Scale:
    values = [training if curve == "training" else others for curve in curves]
    return alt.Scale(domain=curves, range=values)


def _value() -> alt.Tooltip:
    return alt.Tooltip("value:Q", format=".4f")
