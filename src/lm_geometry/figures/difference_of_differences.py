"""Figure: how much more the dimension changed on the fine-tuned corpus than on the control."""

import altair as alt

from lm_geometry.figures import channels, nudged, panels, theme

_LINE = (
    "'\\nchange on ' + datum.corpus + ' − change on ' + datum.control + ', ' + datum.split"
    " + ' text'"
)
HEIGHT = 360
_FIRM = "datum.firm !== false"
_AXIS = [
    "difference of changes in mean local dimension",
    "(below 0: fell more on the fine-tuned corpus)",
]
_EMPHASISED = "isValid(datum.shown) ? datum.shown : datum.step === datum.last_step"


def chart(data: panels.Data) -> panels.Panels:
    """Difference of differences over layers, a line with intervals per checkpoint."""
    encoded = _placed(panels.only_records(alt.Chart())).encode(
        x=nudged.x(data),
        color=alt.Color(
            "step:O",
            title="optimiser step",
            scale=alt.Scale(scheme=alt.SchemeParams(name="viridis", extent=[0.9, 0.05])),
        ),
    )
    y = alt.Y("difference:Q", title=_AXIS)
    tooltip = [
        "revision:N",
        "checkpoint:N",
        "layer:O",
        "reading:N",
        *channels.interval("difference"),
    ]
    own = encoded.transform_filter("!datum.beside")
    bars = own.transform_filter("datum.emphasised").mark_rule(strokeWidth=2.2)
    bars = bars.encode(y=channels.lower(y), y2="upper:Q")
    lines = own.mark_line().encode(
        y=y, opacity=_by_emphasis(1, 0.5), strokeWidth=_by_emphasis(2.6, 1), detail="emphasised:N"
    )
    shaped = own.encode(
        y=y, size=_by_emphasis(90, 28), opacity=_by_emphasis(1, 0.8), tooltip=tooltip
    )
    # The full ones come first, since a legend takes the fill of the first layer.
    full = shaped.mark_point(filled=True).transform_filter(_FIRM)
    hollow = shaped.mark_point(fill="white", strokeWidth=1.8)
    points = [full, hollow.transform_filter(f"!({_FIRM})")]
    published = _published(encoded.encode(y=y, tooltip=tooltip), y)
    layered = alt.layer(*_zero(), lines, bars, *points, *published, panels.message())
    return panels.panels(
        layered.properties(width=640, height=HEIGHT),
        data,
        "Did the dimension change more on the fine-tuned corpus than on the control?",
        [
            "Points: change since base on the fine-tuned corpus less that on the control. Thick: "
            "the checkpoint of other figures, with the interval named below.",
            "Hollow: not firm once all layers are counted (Benjamini–Hochberg). Dashed, squares: "
            "the published reading, of all neighbours.",
        ],
        line=_LINE,
    )


def _published(encoded: alt.Chart, y: alt.Y) -> list[alt.Chart]:
    """The published reading beside the shown one: its line, intervals and points."""
    beside = encoded.transform_filter("datum.beside === true")
    square = beside.encode(size=alt.value(45), opacity=alt.value(1))
    return [
        beside.mark_line(strokeDash=[5, 3], strokeWidth=1.6),
        beside.mark_rule(strokeDash=[3, 2]).encode(y=channels.lower(y), y2="upper:Q"),
        square.mark_point(shape="square", filled=True).transform_filter(_FIRM),
        square.mark_point(shape="square", fill="white").transform_filter(f"!({_FIRM})"),
    ]


def _placed(chart: alt.Chart) -> alt.Chart:
    return (
        chart.transform_window(
            place="dense_rank()",
            sort=[alt.SortField("beside"), alt.SortField("step")],
            groupby=["panel"],
        )
        .transform_joinaggregate(places="max(place)", groupby=["panel"])
        .transform_calculate(nudged=nudged.PLACE, emphasised=_EMPHASISED)
    )


def _by_emphasis(shown: float, other: float) -> dict:
    return {"condition": {"test": "datum.emphasised", "value": shown}, "value": other}


def _zero() -> list[alt.Chart]:
    """The zero line, and a tint over everything below it."""
    zero = alt.Chart().transform_aggregate(records="count()").encode(y=alt.datum(0))
    tint = zero.mark_rect(color=theme.CORPUS_COLOURS[0], opacity=0.06).encode(y2=alt.value(HEIGHT))
    return [tint, zero.mark_rule(color=theme.INK, strokeWidth=1.2)]
