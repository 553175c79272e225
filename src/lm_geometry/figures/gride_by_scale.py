"""Figure: GRIDE dimension against the scale at which it is measured."""

import altair as alt

from lm_geometry.figures import channels, panels


def chart(data: panels.Data) -> panels.Panels:
    """GRIDE dimension over neighbour ranks (log2), a panel per layer, a line per cloud."""
    encoded = channels.with_side(panels.only_records(alt.Chart())).encode(
        x=alt.X(
            "scale:Q",
            title="scale: rank of the outer neighbour (the inner has half of it)",
            scale=alt.Scale(type="log", base=2, nice=False, padding=12),
            axis=alt.Axis(format="d", labelOverlap=False),
        ),
        color=channels.corpus_colour(),
        detail=["split:N", "side:N"],
    )
    y = alt.Y("dimension:Q", title="GRIDE dimension", scale=alt.Scale(zero=False))
    tooltip = [
        *("revision:N", "series:N", "split:N", "checkpoint:N", "layer:O", "scale:Q"),
        *channels.interval("dimension"),
    ]
    bars = encoded.mark_rule(strokeWidth=1.2).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y, strokeDash=channels.side_dash())
    points = channels.side_points(encoded.encode(y=y, tooltip=tooltip))
    layered = alt.layer(bars, line, *points, panels.message()).properties(width=400, height=280)
    facet = alt.Facet("cell:N", sort=channels.first_of("row_of_data"))
    figure = panels.panels(
        panels.cells(layered, facet, columns=2),
        data,
        "GRIDE dimension by scale",
        [
            "Points: mean of the clouds' estimates at a scale, from near neighbours (left) to far "
            "ones (right).",
            "Bars: the interval named below.",
            "Dashed and hollow: the base model. Solid: the fine-tuned checkpoint named below.",
        ],
        line=f"{panels.SHOWN_STEP} + {panels.SPLITS}",
    )
    return figure.transform_calculate(cell="datum.layer_name + " + panels.READING)
