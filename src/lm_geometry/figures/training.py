"""Figure: loss and scores of the task over the optimiser steps, also while training goes on."""

import altair as alt

from lm_geometry.figures import channels, panels, theme

WATCHED = "fixed held-out tokens"
CURVES = ["training", "validation", "test", WATCHED]  # a legend names those that are there
BATCHES = "datum.curve === 'training'"  # of each step, and not of all sequences


def chart(data: panels.Data) -> panels.Panels:
    """Every measure of a training run over its steps, a panel each, with an axis of its own."""
    colours = [theme.FAINT, *theme.CORPUS_COLOURS[:3]]
    encoded = panels.only_records(alt.Chart()).encode(
        x=alt.X(
            "step:Q",
            title="optimiser step (0 = base)",
            axis=alt.Axis(tickMinStep=1, tickCount=5, format="~s"),
            scale=channels.snug(),
        ),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        color=alt.Color(
            "curve:N",
            title="curve",
            sort=CURVES,
            scale=alt.Scale(range=colours),
            legend=alt.Legend(symbolOpacity=1),
        ),
        tooltip=["revision:N", "measure:N", "curve:N", "corpus:N", "split:N", "step:Q", _value()],
    )
    lines = encoded.mark_line().encode(
        strokeWidth=alt.condition(BATCHES, alt.value(0.9), alt.value(2.2)),
        opacity=alt.condition(BATCHES, alt.value(0.6), alt.value(1.0)),
    )
    points = encoded.mark_point(filled=True, size=40, opacity=1).transform_filter(
        "datum.curve !== 'training'"
    )
    low = channels.lower(alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)))
    band = encoded.mark_area(opacity=theme.BAND_OPACITY).encode(y=low, y2="upper:Q")
    band = band.transform_filter("isValid(datum.lower)")
    layered = alt.layer(band, lines, points, panels.message()).properties(width=280, height=190)
    measure = alt.Facet("measure:N", sort=channels.first_of("place"))
    return panels.panels(
        panels.cells(layered, measure, columns=2).resolve_scale(y="independent"),
        data,
        "Training: loss and scores",
        [
            "Training: the batch of each step. Validation: held-out text, at each checkpoint.",
            "Fixed held-out tokens (finetune.watch): means, and paired changes since step 0, with"
            " 95 % intervals over documents.",
            "The file grows while training goes on: draw it again to see how far it is.",
        ],
    )


def _value() -> alt.Tooltip:
    return alt.Tooltip("value:Q", format=".4f")
