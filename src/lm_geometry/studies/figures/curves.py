"""Figures over the steps of training: curves of both splits, and which signal came first."""

from typing import Any

import altair as alt

from lm_geometry.figures import channels, panels, theme
from lm_geometry.figures.records import Record
from lm_geometry.studies.definition import Figure

SPLITS = ["train", "validation"]
EVENTS = {"peak": theme.CORPUS_COLOURS[0], "fall": theme.CORPUS_COLOURS[1]}
WIDTH, HEIGHT = 560, 150
ROW = 26  # of one signal


def curves(figure: Figure, data: list[Record], says: list[str]) -> panels.Panels:
    """Means over the steps of training on a logarithmic axis, one measure below the other.

    Records have step (above 0), mean, lower, upper, runs, split, measure, measure_order, settings.
    """
    colours = alt.Scale(domain=SPLITS, range=theme.CORPUS_COLOURS[:2])
    colour = alt.Color("split:N", title="equations", scale=colours, legend=_legend())
    layered = _over_steps(colour, ["split:N"]).properties(width=WIDTH, height=HEIGHT)
    measure = alt.Facet("measure:N", sort=channels.first_of("measure_order"))
    below = panels.cells(layered, measure, columns=1).resolve_scale(y="independent")
    return panels.panels(below, data, figure.title, says)


def grouped(figure: Figure, data: list[Record], says: list[str]) -> panels.Panels:
    """The same with a line for each value of `figure.series`, the splits side by side.

    Records have also series_value, its place series_place, cell (words) and cell_order.
    """
    name = figure.series.rpartition(".")[2].replace("_", " ")
    scheme = alt.SchemeParams(name="viridis", extent=[0.0, 0.92])
    colour = alt.Color(
        "series_value:O",
        title=name,
        sort=channels.first_of("series_place"),
        scale=alt.Scale(scheme=scheme),
        legend=alt.Legend(symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3),
    )
    told = ["split:N", alt.Tooltip("series_value:O", title=name)]
    layered = _over_steps(colour, told).properties(width=WIDTH // 2, height=HEIGHT)
    cell = alt.Facet("cell:N", sort=channels.first_of("cell_order"))
    beside = panels.cells(layered, cell, columns=len(SPLITS)).resolve_scale(y="independent")
    return panels.panels(beside, data, figure.title, says)


def _over_steps(colour: alt.Color, told: list[Any]) -> panels.Layers:
    """Lines of means with their bands over the steps, coloured and pointed at as asked."""
    encoded = panels.only_records(alt.Chart()).encode(
        x=alt.X(
            "step:Q",
            title="optimiser step",
            scale=alt.Scale(type="log", nice=False),
            axis=alt.Axis(format="~s"),
        ),
        color=colour,
    )
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False))
    tooltip = ["measure:N", *told, "step:Q", "runs:Q", *channels.interval("mean")]
    band = encoded.mark_area(opacity=theme.BAND_OPACITY).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y, tooltip=tooltip)
    return alt.layer(band, line, panels.message())


def leads(figure: Figure, data: list[Record], says: list[str]) -> panels.Panels:
    """Steps from the peak and from the fall of each signal to each milestone.

    Records have signal, event, milestone_title, milestone, order, lead (of one run) or mean, lower
    and upper (over runs), settings.
    """
    colours = alt.Scale(domain=list(EVENTS), range=list(EVENTS.values()))
    encoded = panels.only_records(alt.Chart()).encode(
        y=alt.Y("signal:N", title=None, sort=channels.first_of("order"), axis=_words()),
        yOffset=alt.YOffset("event:N", sort=list(EVENTS)),
        color=alt.Color("event:N", title="of the signal", scale=colours, legend=_legend()),
    )
    title = "steps from the event to the milestone (more: earlier)"
    x = alt.X("mean:Q", title=title, axis=alt.Axis(format=",d", tickCount=7))
    low = alt.X("lower:Q", title=title)
    runs = encoded.mark_point(filled=False, size=40, opacity=0.8).encode(
        x=alt.X("lead:Q", title=title), tooltip=["experiment:N", "lead:Q"]
    )
    mean = encoded.mark_point(filled=True, size=70, opacity=1, shape="diamond").encode(x=x)
    bars = encoded.mark_rule(strokeWidth=1.6).encode(x=low, x2="upper:Q")
    zero = alt.Chart().transform_aggregate(records="count()").encode(x=alt.datum(0))
    rule = zero.mark_rule(color=theme.INK, strokeWidth=1.2)
    height = ROW * len({record["signal"] for record in data})
    layered = alt.layer(rule, bars, runs, mean, panels.message())
    layered = layered.properties(width=WIDTH - 180, height=height)
    milestone = alt.Facet("milestone_title:N", sort=channels.first_of("milestone"))
    return panels.panels(panels.cells(layered, milestone, columns=1), data, figure.title, says)


def _legend() -> alt.Legend:
    return alt.Legend(symbolOpacity=1)


def _words() -> alt.Axis:
    return alt.Axis(labelLimit=240, domain=False, ticks=False, grid=True)
