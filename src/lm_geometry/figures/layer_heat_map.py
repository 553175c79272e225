"""Figure: how the dimension changed since base, at every checkpoint and layer."""

import altair as alt

from lm_geometry.figures import channels, panels, theme

_CELL = "isValid(datum.message) ? '' : datum.series + '\\n' + datum.split + " + panels.READING
# An axis of bare numbers reads as one of steps, on which 10 and 80 were as far apart as they are.
_STEP = "'step ' + format(datum.value, ',')"
STEP = 34  # pixels of a layer


def chart(data: panels.Data) -> panels.Panels:
    """Change since base as colour, checkpoint by layer, a panel per corpus split."""
    encoded = panels.only_records(alt.Chart()).encode(
        x=alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("step:O", title="checkpoint", sort="descending", axis=alt.Axis(labelExpr=_STEP)),
    )
    colour = alt.Color(
        "change:Q",
        title=["change since base", "in mean local", "dimension"],
        scale=alt.Scale(scheme="blueorange", domainMid=0),
    )
    tooltip = [
        *("revision:N", "series:N", "split:N", "checkpoint:N", "layer:O"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("mean", "change", "lower", "upper")),
    ]
    cells = encoded.mark_rect().encode(color=colour, tooltip=tooltip)
    # Unseen: as far below 0 as above, so that both sides are as strong, and colours where there
    # is only a message, since Vega cannot draw the legend of none.
    mirrored = colour.copy()
    mirrored.shorthand = "mirrored:Q"
    unseen = alt.Chart().transform_calculate(mirrored="isValid(datum.change) ? -datum.change : -1")
    unseen = unseen.mark_rect(opacity=0).encode(color=mirrored)
    # Ringed in white, since cells are as dark as the mark where changes are large. In grey a fall
    # is as dark as a rise: the mark points the way.
    way = {"condition": {"test": "datum.change < 0", "value": "triangle-down"}}
    firm = encoded.mark_point(
        filled=True, size=50, fill=theme.INK, stroke="white", strokeWidth=1.2, opacity=1
    ).encode(shape=way | {"value": "triangle-up"})
    layered = alt.layer(unseen, cells, firm.transform_filter("datum.firm"), panels.message())
    layered = layered.properties(width=alt.Step(STEP), height=alt.Step(STEP))
    figure = panels.panels(
        panels.cells(
            layered, alt.Facet("cell:N", sort=channels.first_of("reading_order")), columns=2
        ),
        data,
        "Where in the model, and when, the local dimension changed",
        [
            "Colour: change of the mean local dimension since base, over the tokens that both "
            "clouds have. Blue: it fell.",
            "A row for each checkpoint, a column for each layer that was measured: evenly spaced, "
            "whatever lies between.",
            "Triangle, down where it fell: firm once all layers are counted (Benjamini–Hochberg "
            "over the layers of a row).",
        ],
    )
    return figure.transform_calculate(cell=_CELL)
