"""Figure: correlation of local dimensions with the loss of the same tokens, layer by layer."""

import altair as alt

from lm_geometry.figures import channels, nudged, panels, theme

_CELL = (
    "isValid(datum.message) ? '' : (datum.method === 'pearson' ? 'Pearson'"
    " : datum.method === 'spearman' ? 'Spearman' : 'Kendall') + ', ' + datum.level + 's' + "
    + panels.READING
)
WIDTH, HEIGHT = 235, 190


def chart(data: panels.Data) -> panels.Panels:
    """Correlation over layers, a panel per method and level, a line per corpus split and side."""
    encoded = nudged.by_line(panels.only_records(alt.Chart()), "cell").encode(
        x=nudged.x(data),
        color=channels.corpus_colour(),
        detail=["split:N", "side:N"],
    )
    y = alt.Y("correlation:Q", title="correlation with loss")
    tooltip = [
        *("revision:N", "series:N", "split:N", "checkpoint:N", "layer:O", "level:N", "method:N"),
        *channels.interval("correlation"),
    ]
    bars = encoded.mark_rule().encode(
        y=channels.lower(y), y2="upper:Q", strokeDash=channels.side_dash()
    )
    line = encoded.mark_line(strokeWidth=2).encode(y=y, strokeDash=channels.side_dash())
    points = channels.side_points(encoded.encode(y=y, tooltip=tooltip))
    zero = panels.only_records(alt.Chart()).transform_aggregate(records="count()")
    level = zero.mark_rule(color=theme.INK, strokeWidth=1).encode(y=alt.datum(0))
    layered = alt.layer(level, bars, line, *points, panels.message())
    layered = layered.properties(width=WIDTH, height=HEIGHT)
    facet = alt.Facet("cell:N", sort=channels.first_of("row_of_data"))
    figure = panels.panels(
        panels.cells(layered, facet, columns=3),
        data,
        "Do tokens that are hard to predict lie where the dimension is high?",
        [
            "Points: correlation of the local dimension of a token (below: the mean of a sequence) "
            "with its loss; above 0, high loss goes with high dimension.",
            "Bars: the interval named below. Dashed and hollow: the base model.",
        ],
        line=f"{panels.SHOWN_STEP} + {panels.SPLITS}",
    )
    return figure.transform_calculate(cell=_CELL)
