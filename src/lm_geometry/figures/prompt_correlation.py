"""Figure: how far the geometry of a prompt tells its loss, layer by layer."""

import altair as alt

from lm_geometry.figures import channels, panels, prompt_panels, theme

_METHOD = "datum.method === 'pearson' ? 'Pearson' : 'Spearman'"
_CELL = (
    "isValid(datum.message) ? '' : datum.quantity + '\\n' + (" + _METHOD + ")"
    " + (datum.given ? ', given ' + datum.given : '')"
)
_SAMPLE = "datum.shuffle < 0 ? 'all shuffles' : 'within a shuffle'"
SAMPLES, DASHES = ["within a shuffle", "all shuffles"], [[1, 0], [5, 3]]
COLUMNS = 4  # Pearson and Spearman, each also given the controls


def chart(data: panels.Data) -> panels.Panels:
    """Correlation over layers, a row of panels per quantity, a line per shuffle."""
    encoded = (
        panels.only_records(alt.Chart())
        .transform_calculate(sample=_SAMPLE)
        .encode(x=panels.layer_axis(data), color=prompt_panels.shuffle_colour())
    )
    y = alt.Y("correlation:Q", title="correlation with the loss")
    dash = alt.StrokeDash(
        "sample:N", title="prompts", scale=alt.Scale(domain=SAMPLES, range=DASHES)
    )
    shown = ["revision:N", "checkpoint:N", "quantity:N", "method:N", "given:N", "shuffle:O"]
    tooltip = [*shown, "layer:O", *channels.interval("correlation"), "prompts:Q"]
    # Bands of every shuffle would hide each other; their ends are in the tooltips.
    banded = encoded.transform_filter("datum.shuffle <= 0")
    band = banded.mark_area(opacity=theme.BAND_OPACITY).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=1.9).encode(y=y, strokeDash=dash)
    points = encoded.mark_point(filled=True, size=14, opacity=1).encode(y=y, tooltip=tooltip)
    zero = panels.only_records(alt.Chart()).transform_aggregate(records="count()")
    level = zero.mark_rule(color=theme.INK, strokeWidth=1).encode(y=alt.datum(0))
    layered = alt.layer(level, band, line, points, panels.message())
    facet = alt.Facet("cell:N", sort=channels.first_of("cell_order"))
    each = panels.cells(layered.properties(width=210, height=160), facet, columns=COLUMNS)
    figure = panels.panels(
        each,
        data,
        "Does the geometry of a prompt tell its loss?",
        [
            "Points: correlation over prompts with the mean next-token loss of the same prompts; "
            "given: with these held fixed (partial correlation).",
            "Bands: interval by a bootstrap over prompts, of the text and of all shuffles. Dashed: "
            "all shuffles as one sample, where shuffling itself moves both sides.",
        ],
    )
    return figure.transform_calculate(
        cell=_CELL,
        cell_order="datum.place * 4 + (datum.method === 'pearson' ? 0 : 2) + (datum.given ? 1 : 0)",
    )
