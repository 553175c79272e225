"""Figure of DVC's pages: local dimensions of single tokens, a half violin for each revision."""

import altair as alt

from lm_geometry.figures import panels, theme
from lm_geometry.plot_pages import revisions

WIDTH, HEIGHT = 330, 300
# Two revisions share a violin; the third and fourth stand beside them.
_SIGN = "(datum.place % 2 === 0 ? -1 : 1)"
_MIDDLE = "floor(datum.place / 2) * 2.4"
_KEYS: list[str | alt.FieldName] = [
    *("rev", "revision", "named", "place", "side", "checkpoint", "series", "cell"),
]
_MEASURES = ["mean", "median", "standard_deviation", "points"]
_WORDS = (
    "[datum.checkpoint === 'base' ? 'base' : 'step ' + datum.checkpoint,"
    " 'mean ' + format(datum.mean, '.2f'), 'median ' + format(datum.median, '.2f'),"
    " 's.d. ' + format(datum.standard_deviation, '.2f'), format(datum.points, ',') + ' tokens']"
)


def chart(data: panels.Data) -> panels.Panels:
    """Split violins, a panel per corpus split: the first revision left, the second right."""
    layers = [_halves(), _base(), *_summaries(), panels.message()]
    layered = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    return revisions.laid_over(
        layered,
        data,
        "Local dimensions of single tokens, revision by revision",
        [
            "Halves: how the tokens of one cloud spread at the checkpoint that each revision "
            "shows, scaled to its own peak; the first revision left, the second right.",
            "Dashed: base of the same revision. Diamond: mean. Upright bar: one standard "
            "deviation either way. Level line: median.",
        ],
        revisions.CELL + revisions.AT_LAYER,
    )


def _sided(which: str) -> alt.Chart:
    """Records of the checkpoint that a revision shows, or of base beside it."""
    tuned = "datum.side !== 'base'"
    asked = {
        "shown": f"{tuned} || !datum.any_tuned",
        "base": f"datum.any_tuned && !({tuned})",
    }[which]
    chart = revisions.shown_reading().transform_calculate(tuned=f"{tuned} ? 1 : 0")
    chart = chart.transform_joinaggregate(any_tuned="max(tuned)", groupby=["rev", "cell"])
    return chart.transform_filter(asked).transform_calculate(
        middle=_MIDDLE, across=f"{_MIDDLE} + {_SIGN} * datum.density"
    )


def _x(field: str) -> alt.X:
    return alt.X(f"{field}:Q", stack=None, axis=None, scale=alt.Scale(zero=False, padding=12))


def _y() -> alt.Y:
    return alt.Y("value:Q", title="local dimension of a token", scale=alt.Scale(zero=False))


def _halves() -> alt.Chart:
    half = _sided("shown").mark_area(orient="horizontal", opacity=0.75)
    return half.encode(
        x=_x("middle"), x2="across:Q", y=_y(), color=revisions.revision_colour(), detail="rev:N"
    )


def _base() -> alt.Chart:
    outline = _sided("base").mark_line(strokeDash=[4, 3], strokeWidth=1.4, color=theme.INK)
    return outline.encode(x=_x("across"), y=_y(), order="value:Q", detail="rev:N")


def _summaries() -> list[alt.Chart]:
    """Median line, bar of one standard deviation, mean, and the numbers below each half."""
    smallest = [alt.AggregatedFieldDef(op="min", field=m, **{"as": m}) for m in _MEASURES]
    once = _sided("shown").transform_aggregate(smallest, groupby=_KEYS)
    once = once.transform_calculate(
        middle=_MIDDLE,
        inside=f"{_MIDDLE} + {_SIGN} * 0.16",
        reach=f"{_MIDDLE} + {_SIGN} * 0.32",
        half=f"{_MIDDLE} + {_SIGN} * 0.54",
        low="datum.mean - datum.standard_deviation",
        high="datum.mean + datum.standard_deviation",
        words=_WORDS,
    )
    rule = once.mark_rule(color=theme.INK)
    tooltip = [
        *("revision:N", "series:N", "checkpoint:N"),
        *(alt.Tooltip(f"{name}:Q", format=",.4~r") for name in _MEASURES),
    ]
    diamond = once.mark_point(
        shape="diamond", filled=True, fill="white", stroke=theme.INK, size=70, opacity=1
    )
    words = once.mark_text(baseline="top", lineHeight=14, color=theme.INK)
    return [
        rule.encode(x=_x("middle"), x2="reach:Q", y="median:Q", strokeWidth=alt.value(2)),
        rule.encode(x=_x("inside"), y="low:Q", y2="high:Q"),
        diamond.encode(x=_x("inside"), y="mean:Q", tooltip=tooltip),
        words.encode(x=_x("half"), y=alt.value(HEIGHT + 8), text="words:N"),
    ]
