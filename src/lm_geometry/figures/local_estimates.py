"""Figure: how the local estimates of single tokens spread, before and after fine-tuning."""

import altair as alt

from lm_geometry.figures import channels, panels, theme

_SUMMARY: list[str | alt.FieldName] = [
    "side",
    "series",
    "checkpoint",
    "split",
    "layer",
    "panel",
    "cell",
    "revision",
]
_MEASURES = ["mean", "median", "standard_deviation", "points", "standardised"]
_SIGN = "(datum.side === 'base' ? -1 : 1)"
_WORDS = (
    "[datum.side === 'base' ? 'base' : 'step ' + datum.checkpoint,"
    " 'mean ' + format(datum.mean, '.2f'), 'median ' + format(datum.median, '.2f'),"
    " 's.d. ' + format(datum.standard_deviation, '.2f'), format(datum.points, ',') + ' tokens',"
    " isValid(datum.standardised) ? 'change ' + format(datum.standardised, '+.2f') + ' s.d.' : '']"
)
_CELL = (
    "isValid(datum.message) ? '' : datum.series + '\\n' + datum.split"
    " + (isValid(datum.layer) ? ', layer ' + datum.layer : '') + " + panels.READING
)
WIDTH, HEIGHT = 230, 285


def chart(data: panels.Data, columns: int = 2) -> panels.Panels:
    """Split violins of local dimensions, a panel per corpus split: base left, fine-tuned right.

    `columns` of them stand in a row.
    """
    layers = [_halves(), *_summaries(), panels.message()]
    layered = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    facet = alt.Facet("cell:N", sort=channels.first_of("reading_order"))
    cells = panels.cells(layered, facet, columns)
    figure = panels.panels(
        cells,
        data,
        "Local dimensions of single tokens, before and after fine-tuning",
        [
            "Halves: how the tokens of one cloud spread; pale on the left base, full on the right "
            "fine-tuned, each scaled to its own peak.",
            "Diamond: mean. Upright bar: one standard deviation either way. Level line: median.",
            "Change: that of the mean, over the tokens that both sides have, in standard "
            "deviations of a token's dimension.",
        ],
    )
    return figure.transform_calculate(cell=_CELL)


def _halves() -> alt.Chart:
    opacity = alt.Opacity(
        "side:O",
        scale=alt.Scale(domain=theme.SIDES, range=[theme.BASE_OPACITY, 0.9]),
        legend=None,  # the caption says it
    )
    return (
        panels.only_records(alt.Chart())
        .transform_calculate(across=f"{_SIGN} * datum.density")
        .mark_area(orient="horizontal")
        .encode(
            x=alt.X("across:Q", stack=None, axis=None, scale=alt.Scale(domain=[-1.08, 1.08])),
            y=alt.Y("value:Q", title="local dimension of a token"),
            color=channels.corpus_colour(),
            opacity=opacity,
            detail="checkpoint:N",
        )
    )


def _summaries() -> list[alt.Chart]:
    """Median line, bar of one standard deviation, mean, and the numbers below each half."""
    smallest = [alt.AggregatedFieldDef(op="min", field=m, **{"as": m}) for m in _MEASURES]
    once = panels.only_records(alt.Chart()).transform_aggregate(smallest, groupby=_SUMMARY)
    once = once.transform_calculate(
        zero="0",
        middle=f"{_SIGN} * 0.16",
        reach=f"{_SIGN} * 0.32",
        low="datum.mean - datum.standard_deviation",
        high="datum.mean + datum.standard_deviation",
        words=_WORDS,
    )
    side = alt.X("middle:Q")
    median = once.mark_rule(color=theme.INK, strokeWidth=2).encode(
        x="zero:Q", x2="reach:Q", y="median:Q"
    )
    bar = once.mark_rule(color=theme.INK).encode(x=side, y="low:Q", y2="high:Q")
    mean = once.mark_point(
        shape="diamond", filled=True, fill="white", stroke=theme.INK, size=70, opacity=1
    ).encode(x=side, y="mean:Q", tooltip=["revision:N", "series:N", "checkpoint:N", *_measured()])
    words = (
        once.transform_calculate(half=f"{_SIGN} * 0.54")
        .mark_text(baseline="top", lineHeight=14, color=theme.INK)
        .encode(x="half:Q", y=alt.value(HEIGHT + 8), text="words:N")
    )
    return [median, bar, mean, words]


def _measured() -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:Q", format=",.4~r") for name in _MEASURES]
