"""Signals against a score: when each was done beside the score, and how they go together."""

from collections.abc import Hashable, Sequence
from typing import Any

import altair as alt
import pandas as pd

from lm_geometry.figures import channels, panels, theme
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.drawn import (
    STEP_TICKS,
    UNKNOWN,
    Drawn,
    Known,
    setting,
    words,
    zero,
)
from lm_geometry.studies.numbers import against as numbers
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.measured import measured_by_all, words_of
from lm_geometry.studies.numbers.runs import groups

COLOURS = dict(zip(numbers.FORMS, theme.CORPUS_COLOURS, strict=False))
SPLIT_COLOURS = dict(zip(numbers.SPLITS, theme.CORPUS_COLOURS, strict=False))
SAYS = {
    "exhausted": "Settled: from here to its end, three points or more, a curve stays within 5 % of "
    "its range, and the error of the difference, of its last value.",
    "overfitted": "Least: the step of a curve's least value.",
}


def milestones(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """The step at which each signal was done, run by run, beside that of the score."""
    table = known.rows
    if table is None:
        table = numbers.milestone_rows(figure, measured_by_all(figure, collected))
    data = _with_names(table, collected)
    height = 19 * len(set(data["name"]))
    axis = alt.Axis(labelLimit=330, domain=False, ticks=False, grid=True)
    y = alt.Y("name:N", title=None, sort=channels.first_of("order"), axis=axis)
    scale = alt.Scale(type="symlog", constant=10, nice=False)
    x = alt.X(
        "step:Q", title="optimiser step", scale=scale, axis=alt.Axis(format="~s", values=STEP_TICKS)
    )
    colours = alt.Scale(domain=list(SPLIT_COLOURS), range=list(SPLIT_COLOURS.values()))
    encoded = panels.only_records(alt.Chart()).encode(
        y=y, color=alt.Color("split:N", title=None, scale=colours, legend=None)
    )
    tooltip = ["experiment:N", "step:Q", "was_so:Q", "lead:Q"]
    runs = encoded.mark_point(filled=False, size=46, opacity=0.9, strokeWidth=1.8)
    score = alt.Chart().transform_aggregate(at="min(was_so)", groupby=["experiment"])
    rule = score.mark_rule(color=theme.INK, strokeWidth=1.1, strokeDash=[4, 3]).encode(
        x=alt.X("at:Q", title="optimiser step")
    )
    layered = alt.layer(rule, runs.encode(x=x, tooltip=tooltip), panels.message())
    of_score = f"Dashed: the same of {_score(figure.against[0])}, a line for each run."
    says = words(figure.says, "Rings: single runs.", SAYS[figure.event], of_score)
    chart = _by_setting(layered, data, figure, 300, height, says)
    return Drawn(chart, table, told(figure, table))


def told(figure: Figure, table: pd.DataFrame) -> pd.DataFrame:
    """A row per setting, measure and split with the steps of its runs, one after the other."""
    found = []
    for cell, rows in groups(table, [*figure.columns, "measure", "split"]):
        own = {
            "steps of the runs": _listed(rows["step"].tolist()),
            _score(figure.against[0]): _listed(rows["was_so"].tolist()),
            "earlier by": _listed(rows["lead"].tolist()),
        }
        if figure.event == "overfitted":
            pairs = zip(rows["rise"], rows["rise_error"], strict=True)
            own["rise to the end (standard error)"] = ", ".join(
                f"{a:.3g} ({b:.2g})" for a, b in pairs
            )
        found.append({name.rpartition(".")[2]: value for name, value in cell.items()} | own)
    return pd.DataFrame(found)


def score_correlations(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Rank correlations of each signal with each score over the steps, plain and given the step."""
    found = known.rows
    if found is None:
        found = numbers.correlation_rows(figure, measured_by_all(figure, collected))
    data = _with_names(found, collected)
    # All settings with one score stand in a row.
    data = data.sort_values(
        "against", key=lambda names: names.map(figure.against.index), kind="stable"
    )
    names_axis = alt.Axis(labelLimit=330, domain=False, ticks=False, grid=True)
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    legend = alt.Legend(symbolOpacity=1, orient="top")
    encoded = panels.only_records(alt.Chart()).encode(
        y=alt.Y("name:N", title=None, sort=channels.first_of("order"), axis=names_axis),
        yOffset=alt.YOffset("form:N", sort=list(COLOURS)),
        color=alt.Color("form:N", title=None, scale=scale, legend=legend),
    )
    title = ["Spearman's correlation", "over the steps"]
    x = alt.X("correlation:Q", title=title, scale=alt.Scale(domain=[-1, 1]))
    tooltip = ["name:N", "form:N", "runs:Q", "steps:Q", *channels.interval("correlation")]
    low = alt.X("lower:Q", title=title)
    bars = encoded.mark_rule(strokeWidth=1.6).encode(x=low, x2="upper:Q")
    points = encoded.mark_point(filled=True, size=44, opacity=1).encode(x=x, tooltip=tooltip)
    layered = alt.layer(zero("x"), bars, points, panels.message())
    says = words(
        figure.says,
        "Points: mean over runs. Bars: 95 % interval over runs (Student's t).",
        "Given the step: what is left of the correlation once both are known to be trends.",
    )
    # Of many panels four stand in a row, so that the figure fits on a page.
    several = len(data[["setting", "against"]].drop_duplicates()) > 4
    width, height = 150 if several else 250, 22 * len(set(data["name"]))
    chart = _by_setting(layered, data, figure, width, height, says, 4 if several else 2)
    return Drawn(chart, found, _correlations_told(figure, found))


def _with_names(table: pd.DataFrame, collected: Sequence[Collected]) -> pd.DataFrame:
    """The rows with how their curve is called, and their order."""
    exclude = collected[0].exclude
    names = [
        f"{words_of(str(measure), exclude)}, {split}"
        for measure, split in zip(table["measure"], table["split"], strict=True)
    ]
    return table.assign(name=names, order=range(len(table)))


def _correlations_told(figure: Figure, found: pd.DataFrame) -> pd.DataFrame:
    columns = [*figure.columns, "against", "measure", "split", "form", "correlation"]
    shown = found.reindex(columns=[*columns, "lower", "upper", "runs"])
    return shown.rename(columns={name: name.rpartition(".")[2] for name in figure.columns})


def _by_setting(
    layered: panels.Layers,
    data: pd.DataFrame,
    figure: Figure,
    width: int,
    height: int,
    says: list[str],
    columns: int = 2,
) -> panels.Panels:
    plain = data[[name for name in data.columns if "." not in name]].drop(columns=["setting"])
    told = ["\n".join(_settings(figure, row)) for row in data.to_dict("records")]
    order = {text: place for place, text in enumerate(dict.fromkeys(told))}
    plain = plain.assign(settings="", corpus="", role=None, setting=told)
    plain = plain.assign(setting_order=plain["setting"].map(order.get))
    cells = panels.cells(
        layered.properties(width=width, height=height),
        alt.Facet("setting:N", sort=channels.first_of("setting_order")),
        columns=columns,
    )
    return panels.panels(cells, plain, figure.title, says)


def _settings(figure: Figure, row: dict[Hashable, Any]) -> list[str]:
    """The lines above a panel: its settings, and the score where there are several."""
    told = [setting(name, row[name]) for name in figure.panels]
    return [*told, f"with {_score(row['against'])}"] if "against" in row else told


def _score(against: str) -> str:
    return against.replace("_", " ")


def _listed(values: Sequence[float]) -> str:
    return ", ".join("never" if value != value else f"{value:g}" for value in values)
