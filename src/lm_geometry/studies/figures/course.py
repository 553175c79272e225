"""The course of training runs: geometry, scores and signals over the steps, a row for each."""

import textwrap
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from lm_geometry.figures import channels, panels, theme
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.drawn import STEP_TICKS, UNKNOWN, Drawn, Known, setting, words
from lm_geometry.studies.numbers import measured as numbers
from lm_geometry.studies.numbers.against import events, setting_of, wanted
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.runs import groups, interval

SPLITS = ["train", "validation", "test"]
HEIGHT, WIDTH = 96, 250
FEW = 5  # runs, of which each is drawn: an interval of so few says less than they do
EVENTS = {
    "exhausted": "Dashed: from where the {score} stays within its standard error, and 5 % of its "
    "range, of its last value; a line for each run that came so far.",
    "overfitted": "Dashed: where the {score} was least, a line for each run.",
}


def course(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Means over runs of each measure, a row of panels each; a panel for each setting."""
    table = numbers.measured_by_all(figure, collected) if known.runs is None else known.runs
    found = means(figure, table)
    moments = events(figure, table)
    called = {
        row["setting"]: " · ".join(setting(name, row[name]) for name in figure.panels)
        for row in found.to_dict("records")
    }
    runs = max(found["runs"])
    shown = pd.concat([found, _single(figure, table, found)]) if 1 < runs <= FEW else found
    drawn, moments = (
        rows.assign(setting=rows["setting"].map(called.get)) for rows in (shown, moments)
    )
    names = list(dict.fromkeys(found["measure"]))
    exclude = collected[0].exclude
    rows = []
    for place, name in enumerate(names):
        chosen = drawn.loc[drawn["measure"] == name]
        title = numbers.words_of(str(name), exclude)
        rows.append(_row(chosen, moments, title, place == 0, place == len(names) - 1))
    score = figure.against[0].replace("_", " ")
    says = words(
        figure.says,
        measured,
        f"{_lines_are(runs)} Steps near 0 are stretched.",
        EVENTS[figure.event].format(score=score),
    )
    stacked = alt.vconcat(*rows, spacing=8, title=alt.Title(figure.title, subtitle=says))
    chart = stacked.resolve_scale(color="shared").configure(**theme.config())
    return Drawn(chart, found, found, table)


def _lines_are(runs: int) -> str:
    if runs == 1:
        return "Lines: one run."
    if runs <= FEW:
        return f"Lines: mean over {runs} runs; pale: each of them."
    return f"Lines: mean over {runs} runs; bands: 95 % interval over runs (Student's t)."


def _single(figure: Figure, table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The values of single runs, with the settings of their means."""
    rows = table.loc[table["measure"].isin(found["measure"]) & np.isfinite(table["value"])]
    rows = rows.assign(setting=lambda own: setting_of(figure, own), run=rows["experiment"])
    return rows.drop(columns=["without", "standard_error"], errors="ignore")


def means(figure: Figure, table: pd.DataFrame) -> pd.DataFrame:
    """A row per setting, measure, split and step: the mean over runs, its interval, their number.

    Raises ValueError for a measure that no run has.
    """
    there = list(dict.fromkeys(table["measure"]))
    if missing := [name for name in wanted(figure, table) if name not in there]:
        raise ValueError(
            f"figure {figure.title!r}: measures: no run has {', '.join(missing)}; there are "
            f"{', '.join(there)}"
        )
    found = []
    for name in wanted(figure, table):
        rows = table.loc[(table["measure"] == name) & np.isfinite(table["value"])]
        for cell, group in groups(rows, [*figure.columns, "split", "step"]):
            own = interval(group["value"].to_numpy(np.float64))
            found.append(cell | {"measure": name, "runs": len(group)} | own)
    return pd.DataFrame(found).assign(setting=lambda rows: setting_of(figure, rows))


def _row(
    rows: pd.DataFrame, moments: pd.DataFrame, title: str, first: bool, last: bool
) -> alt.FacetChart:
    """One measure, a panel for each setting."""
    data = pd.concat([rows, moments], ignore_index=True)
    columns = ["setting", "step", "split", "mean", "lower", "upper", "runs", "moment"]
    data = data.reindex(columns=[*columns, "run", "value"])
    settings = list(dict.fromkeys(rows["setting"]))
    # In lines no wider than a panel, which would push the panels of this row apart.
    header = alt.Header(
        title=None,
        labelExpr="split(datum.label, ' · ')",
        labelFontSize=12,
        labelLineHeight=15,
        labelFontWeight="bold",
        labelColor=theme.INK,
    )
    if not first:
        header = alt.Header(title=None, labelExpr="''")
    lines = _lines(title, last, bool(data["run"].notna().any()))
    moment = alt.Chart().transform_filter("isValid(datum.moment)")
    rule = moment.mark_rule(strokeDash=[4, 3], color=theme.PALE, strokeWidth=1.2)
    x = alt.X("moment:Q", title="optimiser step" if last else None)
    layered = alt.layer(rule.encode(x=x), *lines).properties(width=WIDTH, height=HEIGHT)
    return alt.FacetChart(
        data=panels.records_of(data),
        spec=layered,
        facet=alt.Facet("setting:N", sort=settings, header=header),
        columns=len(settings),
    )


def _lines(title: str, last: bool, single: bool) -> list[alt.Chart]:
    scale = alt.Scale(type="symlog", constant=10, nice=False)
    axis = alt.Axis(format="~s", labels=last, ticks=last, values=STEP_TICKS)
    x = alt.X("step:Q", title="optimiser step" if last else None, scale=scale, axis=axis)
    colours = alt.Scale(domain=SPLITS, range=theme.CORPUS_COLOURS[:3])
    legend = alt.Legend(symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3, orient="top")
    coloured = alt.Chart().encode(
        x=x, color=alt.Color("split:N", title=None, scale=colours, legend=legend)
    )
    encoded = coloured.transform_filter("isValid(datum.mean)")
    of_runs = coloured.transform_filter("isValid(datum.run)")
    wrapped = alt.Axis(titleAngle=0, titleAlign="right", titleAnchor="middle", titleLimit=170)
    y = alt.Y("mean:Q", title=textwrap.wrap(title, 22), scale=alt.Scale(zero=False), axis=wrapped)
    tooltip = ["split:N", "step:Q", "runs:Q", *channels.interval("mean")]
    line = encoded.mark_line(strokeWidth=1.8).encode(y=y, tooltip=tooltip)
    points = encoded.mark_point(filled=True, size=12, opacity=1).encode(y=y)
    if single:
        of_run = y.copy()
        of_run.shorthand = "value:Q"
        pale = of_runs.mark_line(strokeWidth=0.9, opacity=0.55).encode(y=of_run, detail="run:N")
        return [pale, line, points]
    band = encoded.mark_area(opacity=theme.BAND_OPACITY).encode(y=channels.lower(y), y2="upper:Q")
    return [band, line, points]
