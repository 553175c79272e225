"""Figure: GRIDE dimension of prompts through the layers, at each scale."""

import altair as alt

from lm_geometry.figures import channels, panels, prompt_panels


def chart(data: panels.Data) -> panels.Panels:
    """Mean dimension of prompts over layers, a panel per scale, a line per shuffle."""
    layered = prompt_panels.lines(panels.layer_axis(data), "GRIDE dimension", ["scale:O"])
    facet = alt.Facet("scale_name:N", sort=channels.first_of("scale"))
    scaled = panels.cells(layered.properties(width=230, height=170), facet, columns=4)
    named = scaled.transform_calculate(
        scale_name="isValid(datum.scale) ? 'scale ' + datum.scale : ''"
    )
    return panels.panels(
        named.resolve_scale(y="independent"),
        data,
        "Dimension of prompts through the layers, at each scale",
        [
            *prompt_panels.SAYS,
            "Scale: rank of the outer neighbour (the inner has half of it). Each panel has its own "
            "axis, without layer 0.",
        ],
        line=panels.SHOWN_STEP,
    )
