"""What all figures share: colours, dashes, type, and panels that name their settings."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from lm_geometry.figures.records import Record

# Okabe and Ito's colours, told apart with any colour vision. The first is always the fine-tuned
# corpus, the second the control.
CORPUS_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6D00", "#56B4E9"]
INK = "#1f2933"
PALE = "#6b7785"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
SIDES = ["base", "fine-tuned"]
BASE_OPACITY = 0.35
SIDE_DASHES = [[4, 3], [1, 0]]
BAND_OPACITY = 0.16

Data = pd.DataFrame | Sequence[Record]

_ROW = "toNumber(datum.row_of_data)"
_LABEL = "datum.corpus + (isValid(datum.role) ? ' (' + datum.role + ')' : '')"
_SETTINGS = "(isValid(datum.rev) ? datum.rev + '\\n' : '') + (isValid(datum.settings) ? datum.settings : '')"
SHOWN_STEP = "(datum.last_step > 0 ? '\\nfine-tuned: step ' + datum.last_step : '')"
_WRAPPED = "split(replace(datum.text, /(.{1,30})(\\s+|$)/g, '$1\\n'), '\\n')"


class Panels(alt.FacetChart):
    """A faceted chart whose panels may be faceted themselves.

    Vega-Lite draws a facet of facets, but the JSON schema that Altair checks against has no
    place for it.
    """

    def to_dict(self, validate: bool = False, **options: Any) -> dict[str, Any]:
        """The Vega-Lite specification."""
        return super().to_dict(validate=validate, **options)


def records_of(data: Data) -> alt.InlineData:
    """Inline data of a chart; NaN becomes null."""
    if isinstance(data, pd.DataFrame):
        data = data.astype(object).where(data.notna(), None).to_dict(orient="records")
    return alt.InlineData(values=list(data))


def panels(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart,
    data: Data,
    title: str,
    says: Sequence[str],
    *,
    line: str = "''",
) -> Panels:
    """`chart` once per revision and settings, one below the other, each under its settings.

    `line` is a Vega expression for one more line of the header, or an empty string. The panel,
    the name of a corpus in legends (`series`) and its order are computed in the chart, so that
    the same chart is a DVC template whatever the revisions are.
    """
    header = alt.Header(
        labelExpr="split(datum.label, '\\n')",
        labelAnchor="start",
        labelAlign="left",
        labelFontSize=12,
        labelFontWeight="bold",
        labelColor=INK,
        labelLineHeight=16,
        labelLimit=0,
        labelPadding=8,
        title=None,
    )
    faceted = Panels(
        data=records_of(data),
        spec=chart,
        facet=alt.Facet("panel:N", sort=None, header=header),
        columns=1,
        spacing=34,
    )
    faceted = faceted.transform_window(row_of_data="row_number()", frame=[None, None])
    faceted = faceted.transform_calculate(
        series=_LABEL,
        series_order=f"(datum.role === 'control' ? 1e6 : 0) + {_ROW}",
        text="isValid(datum.message) ? 'nothing to show: ' + datum.message : ''",
    )
    faceted = faceted.transform_joinaggregate(
        last_step="max(step)", groupby=["rev", "settings"]
    ).transform_calculate(panel=f"{_SETTINGS} + (isValid(datum.message) ? '' : {line})")
    return faceted.properties(
        title=alt.Title(title, subtitle=list(says)), usermeta=_EMBED
    ).configure(**_config())


def by_layer(chart: alt.LayerChart, columns: int = 4) -> alt.FacetChart:
    """`chart` once per layer, in a row of at most `columns`."""
    header = alt.Header(
        labelExpr="isValid(datum.value) ? 'layer ' + datum.label : ''",
        labelFontSize=11,
        labelColor=INK,
        labelPadding=4,
        title=None,
    )
    return alt.FacetChart(
        spec=chart, facet=alt.Facet("layer:O", header=header), columns=columns, spacing=16
    )


def corpus_colour() -> alt.Color:
    """Colour channel: a corpus, the fine-tuned one first."""
    order = alt.EncodingSortField(field="series_order", op="min", order="ascending")
    scale = alt.Scale(range=CORPUS_COLOURS)
    return alt.Color("series:N", title="corpus", sort=order, scale=scale)


def side_dash() -> alt.StrokeDash:
    """Dash channel: base is dashed, a fine-tuned checkpoint solid; needs the field `side`."""
    scale = alt.Scale(domain=SIDES, range=SIDE_DASHES)
    return alt.StrokeDash("side:N", title="checkpoint", scale=scale)


def split_shape() -> alt.Shape:
    """Shape channel: the split of the corpus."""
    return alt.Shape(
        "split:N", title="split", scale=alt.Scale(range=["circle", "square", "diamond"])
    )


def with_side(chart: alt.Chart) -> alt.Chart:
    """`chart` with the field `side`: base or fine-tuned."""
    return chart.transform_calculate(side="datum.step === 0 ? 'base' : 'fine-tuned'")


def snug() -> alt.Scale:
    """Scale of layers, which ends where the layers end instead of at a round number or 0."""
    return alt.Scale(zero=False, nice=False, padding=16)


def lower(y: alt.Y) -> alt.Y:
    """The lower end of an interval on the axis of `y`."""
    low = y.copy()
    low.shorthand = "lower:Q"
    return low


def interval(field: str) -> list[alt.Tooltip]:
    """Tooltip entries of a value and its interval."""
    return [alt.Tooltip(f"{name}:Q", format=".3f") for name in (field, "lower", "upper")]


def message() -> alt.Chart:
    """Layer with the words that say why a panel is empty."""
    return (
        alt.Chart()
        .mark_text(align="left", baseline="top", color=PALE, fontSize=12, lineHeight=15)
        .encode(text=alt.Text("wrapped:N"), x=alt.value(10), y=alt.value(12))
        .transform_filter("isValid(datum.message)")
        .transform_calculate(wrapped=_WRAPPED)
    )


def only_records(chart: alt.Chart) -> alt.Chart:
    """`chart` without the records that hold only a message."""
    return chart.transform_filter("!isValid(datum.message)")


_EMBED = {
    "embedOptions": {
        "renderer": "svg",
        "actions": {"export": True, "source": False, "compiled": False, "editor": False},
    }
}


def _config() -> dict[str, Any]:
    words = {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 12}
    return {
        "font": FONT,
        "background": "white",
        "padding": 12,
        "view": alt.ViewConfig(stroke="#c9d1d9"),
        "axis": alt.AxisConfig(
            **words,
            titleFontWeight="normal",
            titlePadding=8,
            gridColor="#e8ecf0",
            domainColor="#9aa5b1",
            tickColor="#9aa5b1",
            labelOverlap=True,
        ),
        "legend": alt.LegendConfig(
            **words,
            titleFontWeight="bold",
            labelLimit=320,
            symbolStrokeWidth=2,
            symbolSize=80,
            rowPadding=4,
            offset=22,
        ),
        "title": alt.TitleConfig(
            anchor="start",
            frame="group",
            fontSize=17,
            subtitleFontSize=12,
            subtitleColor=PALE,
            subtitleLineHeight=16,
            subtitlePadding=6,
            offset=16,
            color=INK,
        ),
    }
