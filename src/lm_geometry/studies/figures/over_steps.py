"""Figures over the steps of training: curves of both splits, and which signal came first."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from lm_geometry.figures import channels, panels, theme
from lm_geometry.signals import leads as signal_leads
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.drawn import UNKNOWN, Drawn, Known, setting, words
from lm_geometry.studies.figures.signal_rows import by_signal, with_bars
from lm_geometry.studies.numbers import course
from lm_geometry.studies.numbers.collection import Collected

SPLITS = ["train", "validation"]
OF_BOTH = "both"  # what a model is measured by, whatever the split
EVENTS = {"peak": theme.CORPUS_COLOURS[0], "fall": theme.CORPUS_COLOURS[1]}
WIDTH, HEIGHT = 560, 150
LEGEND = alt.Legend(symbolOpacity=1, orient="bottom")


def curves(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Every run over the steps of training, one measure below the other.

    Runs jump at different steps, so that their mean would climb as none of them does; it is in the
    table alone. With `series` there is a colour for each value of that parameter, and the splits
    are side by side.
    """
    table = course.courses(figure, collected) if known.runs is None else known.runs
    found = course.curves(figure, table)
    runs = max(found["runs"])
    over = "one run." if runs == 1 else f"single runs, {runs} of each colour."
    single = [
        course.curves(figure, run).assign(experiment=name)
        for name, run in table.groupby("experiment", sort=False)
    ]
    order = [*figure.columns, "measure", "split", "step"]
    rows = pd.concat(single).sort_values(order, kind="stable", ignore_index=True)
    data = _with_panels(figure, _with_settings(figure, rows, measured))
    colour, told = _by_series(figure) if figure.series else (_by_split(), [])
    columns = len(SPLITS) if figure.series else 1
    layered = _lines(colour, told, 2 if runs == 1 else 1.3)
    layered = layered.properties(width=WIDTH // columns, height=HEIGHT)
    cell = alt.Facet("cell:N", sort=channels.first_of("cell_order"))
    cells = panels.cells(layered, cell, columns).resolve_scale(y="independent")
    says = words(
        figure.says,
        measured if figure.panels else "",
        f"Lines: {over} Loss and accuracy of all equations.",
    )
    return Drawn(panels.panels(cells, data, figure.title, says), found, found, table)


def leads(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Steps from the peak and from the fall of each signal to each milestone."""
    if known.runs is None:
        table = course.courses(figure, collected).rename(columns={"dimension": "local_dimension"})
        single = signal_leads.leads(table, ["experiment", *figure.columns])
    else:
        single = known.runs
    found = signal_leads.summary(single, figure.columns)
    data = _with_settings(figure, pd.concat([found, single], ignore_index=True), measured)
    order = {signal: place for place, signal in enumerate(dict.fromkeys(single["signal"]))}
    until = [f"until validation accuracy is {value:g}" for value in data["milestone"]]
    data = data.assign(order=data["signal"].map(order.get), milestone_title=until)
    data = pd.concat([data, _never(data)], ignore_index=True)
    encoded = by_signal("signal", "event", EVENTS, "of the signal", LEGEND)
    several = len(set(data["settings"])) > 3  # two in a row, so that the figure fits on a page
    title = ["steps from the event", "to the milestone (more: earlier)"]
    x = alt.X("mean:Q", title=title, axis=alt.Axis(format=",d", tickCount=5))
    runs = encoded.mark_point(filled=False, size=40, opacity=0.8).encode(
        x=alt.X("lead:Q", title=title), tooltip=["experiment:N", "lead:Q"]
    )
    mean = encoded.mark_point(filled=True, size=70, opacity=1, shape="diamond").encode(x=x)
    layered = with_bars(encoded, title, [runs, mean])
    layered = layered.properties(width=170 if several else 300, height=26 * len(order))
    milestone = alt.Facet("milestone_title:N", sort=channels.first_of("milestone"))
    says = words(
        figure.says,
        measured if figure.panels else "",
        "Rings: single runs. Diamonds: their mean, with a 95 % interval (Student's t).",
        "Peak: the largest value. Fall: the first step after it at 90 % of it or less.",
    )
    cells = panels.cells(layered, milestone, columns=2)
    chart = panels.panels(cells, data, figure.title, says, columns=2 if several else 1)
    return Drawn(chart, found, found, single)


def _never(data: pd.DataFrame) -> pd.DataFrame:
    """A row for each panel that no run has a point in, with the words that stand there."""
    keys = ["settings", "milestone", "milestone_title", "corpus", "role"]
    panels_of = data.groupby(keys, sort=False, dropna=False)
    none = panels_of["lead"].count().loc[lambda counts: counts == 0].reset_index()[keys]
    return none.assign(message="validation accuracy never came so far")


def _by_split() -> alt.Color:
    colours = [*theme.CORPUS_COLOURS[:2], theme.INK]
    scale = alt.Scale(domain=[*SPLITS, OF_BOTH], range=colours)
    legend = alt.Legend(symbolOpacity=1, values=SPLITS)
    return alt.Color("split:N", title="equations", scale=scale, legend=legend)


def _by_series(figure: Figure) -> tuple[alt.Color, list[alt.Tooltip]]:
    name = _word(figure.series)
    colour = alt.Color(
        "series_value:O",
        title=name,
        sort=channels.first_of("series_place"),
        scale=alt.Scale(scheme=alt.SchemeParams(name="viridis", extent=[0.0, 0.92])),
        legend=alt.Legend(symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3),
    )
    return colour, [alt.Tooltip("series_value:O", title=name)]


def _lines(colour: alt.Color, told: Sequence[alt.Tooltip], width: float) -> panels.Layers:
    """Lines of single runs over the steps, coloured and pointed at as asked."""
    scale, axis = alt.Scale(type="log", nice=False), alt.Axis(format="~s")
    x = alt.X("step:Q", title="optimiser step", scale=scale, axis=axis)
    encoded = panels.only_records(alt.Chart()).encode(x=x, color=colour, detail="experiment:N")
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False))
    value = alt.Tooltip("mean:Q", title="value", format=".3f")
    tooltip = ["measure:N", "split:N", *told, "experiment:N", "step:Q", value]
    line = encoded.mark_line(strokeWidth=width).encode(y=y, tooltip=tooltip)
    return alt.layer(line, panels.message())


def _with_settings(figure: Figure, table: pd.DataFrame, measured: str) -> pd.DataFrame:
    """The rows with what the panels name; Vega takes a dot in a column's name for a part of it."""
    settings = [
        " · ".join(setting(name, row[name]) for name in figure.panels) or measured
        for row in table.to_dict("records")
    ]
    told = {"settings": settings, "corpus": "", "role": None}
    if figure.series:
        told["series_value"] = table[figure.series]
    return table[[name for name in table.columns if "." not in name]].assign(**told)


def _with_panels(figure: Figure, data: pd.DataFrame) -> pd.DataFrame:
    """The rows with the words and the order of panels; step 0 has no place on the axis."""
    data = data.loc[data["step"] > 0]
    place = data["measure"].map([*figure.measures].index)
    measure = data["measure"].map(course.MEASURES.get)
    once = data["measure"].isin(course.OF_THE_MODEL)
    data = data.assign(measure=measure, measure_order=place)
    if not figure.series:
        split = data["split"].mask(once, OF_BOTH)
        return data.assign(cell=measure, cell_order=place, split=split)
    values = list(dict.fromkeys(data["series_value"]))
    # What both splits share has one panel, the last, so that the others stay in two columns.
    last = place + len(figure.measures) * once
    return data.assign(
        series_place=data["series_value"].map(values.index),
        cell=np.where(once, measure, measure + ", " + data["split"]),
        cell_order=last * len(SPLITS) + data["split"].map(SPLITS.index),
    )


def _word(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")
