"""Figure: GRIDE dimension of prompts against the scale, at a few layers."""

import altair as alt

from lm_geometry.figures import panels, prompt_panels


def chart(data: panels.Data) -> panels.Panels:
    """Mean dimension of prompts over neighbour ranks (log2), a panel per layer."""
    x = alt.X(
        "scale:Q",
        title="scale: rank of the outer neighbour",
        scale=alt.Scale(type="log", base=2, nice=False, padding=12),
        axis=alt.Axis(format="d", labelOverlap=False),
    )
    layered = prompt_panels.lines(x, "GRIDE dimension", ["scale:O"])
    return panels.panels(
        panels.by_layer(layered.properties(width=270, height=190), columns=3),
        data,
        "Dimension of prompts by scale",
        [*prompt_panels.SAYS, "Layers: after the first block, the last, and some evenly between."],
        line=panels.SHOWN_STEP,
    )
