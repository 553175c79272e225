"""Figure: how alike neighbourhoods and directions of a prompt's tokens are, through the layers."""

import altair as alt

from lm_geometry.figures import channels, panels, prompt_panels


def chart(data: panels.Data) -> panels.Panels:
    """Overlap with the next layer, cosine, angle and reciprocity over layers, a panel each."""
    layered = prompt_panels.lines(panels.layer_axis(data), "mean over prompts", ["quantity:N"])
    facet = alt.Facet("quantity_name:N", sort=channels.first_of("place"))
    each = panels.cells(layered.properties(width=270, height=190), facet, columns=3)
    named = each.transform_calculate(quantity_name="isValid(datum.quantity) ? datum.quantity : ''")
    return panels.panels(
        named.resolve_scale(y="independent"),
        data,
        "Neighbourhoods and directions of a prompt's tokens through the layers",
        [
            *prompt_panels.SAYS,
            "Overlap: share of a token's k nearest that stay so in the next layer. Reciprocity: "
            "share of neighbours that hold both ways.",
        ],
        line=panels.SHOWN_STEP,
    )
