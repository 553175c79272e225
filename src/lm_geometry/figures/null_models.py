"""Figure: what null models read beside what was measured, of levels, changes and differences."""

import altair as alt

from lm_geometry.figures import channels, panels, theme

MEASURED, NULL = "measured", "null model"
ROW = 30  # pixels of a null model
_CELL = (
    "datum.series + (datum.of === 'difference' ? ' − ' + datum.control : '')"
    " + '\\n' + {level: 'mean local dimension', change: 'its change since base',"
    " difference: 'difference of the changes'}[datum.of]"
)


def chart(data: panels.Data) -> panels.Panels:
    """A panel per corpus for its level and its change, one for the difference; a row per null."""
    colours = alt.Scale(domain=[MEASURED, NULL], range=[theme.INK, theme.CORPUS_COLOURS[1]])
    encoded = channels.with_side(panels.only_records(alt.Chart())).encode(
        y=alt.Y("keeps:N", title=None, sort=channels.first_of("order"), axis=_names()),
        color=alt.Color("what:N", title=None, scale=colours),
        yOffset=alt.YOffset("side:N", sort=["base", "fine-tuned"]),
    )
    x = alt.X("value:Q", title=None, scale=channels.snug())
    low = alt.X("lower:Q", title=None)
    tooltip = ["revision:N", "what:N", "keeps:N", "side:N", *channels.interval("value")]
    bars = encoded.mark_rule(strokeWidth=1.8).encode(x=low, x2="upper:Q")
    points = channels.side_points(encoded.encode(x=x, tooltip=tooltip))
    layered = alt.layer(bars, *points, panels.message()).properties(width=300, height=4 * ROW)
    facet = alt.Facet("cell:N", sort=channels.first_of("row_of_data"))
    cells = panels.cells(layered, facet, columns=2).resolve_scale(x="independent")
    figure = panels.panels(
        cells,
        data,
        "What of the dimension would any such cloud show?",
        [
            "Top row: what was measured. Others: clouds that keep one thing of the states, named "
            "at the left, and draw the rest anew.",
            "What a null model reads as well needs no other explanation than what it keeps.",
            "Bars: the interval named below; of null models ± one standard deviation between "
            "draws.",
            "Hollow: the base model. Full: the fine-tuned checkpoint named below, and changes.",
        ],
        line=panels.SHOWN_STEP,
    )
    return figure.transform_calculate(cell=_CELL)


def _names() -> alt.Axis:
    return alt.Axis(labelLimit=260, domain=False, ticks=False, grid=True)
