"""Panels that name their settings, one below the other for several revisions."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from lm_geometry.figures.channels import first_of, snug
from lm_geometry.figures.records import Record
from lm_geometry.figures.theme import INK, PALE, config

Data = pd.DataFrame | Sequence[Record]
Layers = alt.LayerChart | alt.FacetChart

_LABEL = "datum.corpus + (isValid(datum.role) ? ' (' + datum.role + ')' : '')"
# Settings are wrapped where a dot separates them, so that a header stays as wide as its panel.
_SETTINGS = (
    "(isValid(datum.rev) ? datum.rev + '\\n' : '') + (isValid(datum.settings) ?"
    " replace(datum.settings, /(.{50,80}?) · /g, '$1\\n') : '')"
)
_LAYER = "isValid(datum.layer) ? 'layer ' + datum.layer : ''"
READING = "(isValid(datum.reading) ? '\\n' + datum.reading : '')"
# Both readings of a corpus stand side by side, the shown one first.
_READING_ORDER = "(datum.role === 'control' ? 1e6 : 0) + datum.first_row + (datum.beside ? 0.5 : 0)"
MOST_TICKS = 12
HEADROOM = 7  # pixels above a panel: as far as half a tick label, or half a point, juts out
SHOWN_STEP = "(datum.last_step > 0 ? '\\nfine-tuned: step ' + datum.last_step : '')"
# Of one split its name; of two which shape is which, as `channels.split_shape` draws them.
SPLITS = (
    "(datum.splits === 1 ? '\\n' + datum.first_split + ' text' : datum.splits === 2 ?"
    " '\\n● ' + datum.first_split + ' text, ■ ' + datum.last_split + ' text' : datum.splits > 2 ?"
    " '\\n●, ■, ◆: text of the splits, by the alphabet' : '')"
)
_WRAPPED = "split(replace(datum.text, /(.{1,30})(\\s+|$)/g, '$1\\n'), '\\n')"
EMBED = {
    "embedOptions": {
        "renderer": "svg",
        "actions": {"export": True, "source": False, "compiled": False, "editor": False},
    }
}


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
    chart: Layers,
    data: Data,
    title: str,
    says: Sequence[str],
    *,
    line: str = "''",
    columns: int = 1,
) -> Panels:
    """`chart` once per revision and settings, `columns` of them in a row, each under its settings.

    `line` is a Vega expression for one more line of the header, or an empty string. The panel,
    the name of a corpus in legends (`series`) and its order are computed in the chart, so that
    the same chart is a DVC template whatever the revisions are.
    """
    faceted = Panels(
        data=records_of(data),
        spec=with_headroom(chart) if columns > 1 else chart,
        facet=alt.Facet("panel:N", sort=first_of("row_of_data"), header=_panel_header()),
        columns=columns,
        spacing=34,
        title=alt.Title(title, subtitle=list(says)),
        usermeta=EMBED,
    )
    if columns > 1:  # as `cells` have
        faceted = faceted.resolve_axis(x="independent")
    return _with_panel(faceted, line).configure(**config())


def _panel_header() -> alt.Header:
    return alt.Header(
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


def _with_panel(faceted: Panels, line: str) -> Panels:
    own = {"panel": f"{_SETTINGS} + (isValid(datum.message) ? '' : {line})"}
    return with_names(faceted, **own)


def with_names(faceted: Panels, **own: str) -> Panels:
    """`faceted` with the fields that charts name things by, and `own` expressions."""
    return (
        faceted.transform_window(row_of_data="row_number()", frame=[None, None])
        .transform_joinaggregate(
            last_step="max(step)",
            splits="distinct(split)",
            first_split="min(split)",
            last_split="max(split)",
            groupby=["rev", "settings"],
        )
        .transform_joinaggregate(first_row="min(row_of_data)", groupby=["corpus", "role", "split"])
        .transform_calculate(
            **own,
            revision="isValid(datum.rev) ? datum.rev : 'this run'",
            series=_LABEL,
            series_order="(datum.role === 'control' ? 1e6 : 0) + datum.row_of_data",
            reading_order=_READING_ORDER,
            reading_name="isValid(datum.reading) ? datum.reading : ''",
            layer_name=_LAYER,
            text="isValid(datum.message) ? 'nothing to show: ' + datum.message : ''",
        )
    )


def layer_axis(data: Data = ()) -> alt.X:
    """Position on the axis of layers, whose ticks are the layers that were measured.

    Of many of them, and in a template, whose records DVC brings later, at most one tick a layer.
    """
    rows = data.to_dict(orient="records") if isinstance(data, pd.DataFrame) else data
    layers = sorted({row["layer"] for row in rows if row.get("layer") is not None})
    few = 0 < len(layers) <= MOST_TICKS
    axis = alt.Axis(values=layers) if few else alt.Axis(tickMinStep=1)
    return alt.X("layer:Q", title="layer", axis=axis, scale=snug())


def by_layer(chart: Layers, columns: int = 4) -> alt.FacetChart:
    """`chart` once per layer, in a row of at most `columns`."""
    return cells(chart, alt.Facet("layer_name:N", sort=first_of("layer")), columns)


def by_reading(chart: Layers, columns: int = 2) -> alt.FacetChart:
    """`chart` once per reading, of which the shown one comes first."""
    return cells(chart, alt.Facet("reading_name:N", sort=first_of("row_of_data")), columns)


def cells(chart: Layers, facet: alt.Facet, columns: int) -> alt.FacetChart:
    """`chart` once per value of `facet`, whose words stand above it, one line or more.

    Each has its own x axis, where there are several columns. One for a column would stand under the
    last row, whose last cells may be empty; a template of DVC does not know how many there are.
    """
    header = alt.Header(
        labelExpr="split(datum.label, '\\n')",
        labelFontSize=11,
        labelLineHeight=14,
        labelColor=INK,
        labelPadding=2,
        title=None,
    )
    faceted = alt.FacetChart(
        spec=with_headroom(chart) if columns > 1 else chart,
        facet=facet.header(header),
        columns=columns,
        spacing=16,
        align="all",
    )
    return faceted.resolve_axis(x="independent") if columns > 1 else faceted


def with_headroom(chart: Layers) -> Layers:
    """`chart` that takes the same room above its panel whatever its ticks and marks are.

    Vega puts the words of a panel above all that juts out of it, so that a tick label at the upper
    end of one axis would lift them above those of the panels beside it. A facet has its own panels.
    """
    room = alt.Chart().transform_aggregate(records="count()").mark_rect(opacity=0)
    place = {"x": 0, "x2": 1, "y": -HEADROOM, "y2": 0}
    above = room.encode(**{name: alt.value(at) for name, at in place.items()})
    return chart + above if isinstance(chart, alt.LayerChart) else chart


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
