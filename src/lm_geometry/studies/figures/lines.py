"""Figures of a study's means: lines with intervals over runs, and box plots over draws."""

import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from lm_geometry.figures import channels, panels, theme
from lm_geometry.figures.corpus_labels import corpus_labels
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.beside import beside
from lm_geometry.studies.figures.drawn import (
    UNKNOWN,
    Drawn,
    Known,
    setting,
    words,
    zero,
)
from lm_geometry.studies.numbers import runs
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.runs import CONFIDENCE

Y_TITLES = {
    "dimension": "mean local dimension",
    "change": "change in mean local dimension since base",
    "difference": "change on the fine-tuned corpus − change on the control",
}
WIDTH, HEIGHT = 560, 300
BESIDE = 310, 190  # of a panel, where there are more than two


def lines(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Means over `x`, a line per corpus split and side, with an interval each.

    Points of changes and differences are full where they are firm.
    """
    table = known.rows
    if table is None:
        table = runs.over_runs(runs.rows_of(figure, study, collected), figure)
    data = _with_words(figure, table, measured)
    encoded = panels.only_records(alt.Chart()).encode(
        x=_x(figure, data), color=_colour(figure, data), detail=["split:N", "side:N"]
    )
    title = Y_TITLES[figure.value]  # a long line would run into the next row of panels
    small = _by_layer(figure) or _several(data)
    wrapped = textwrap.wrap(title, 28 if small else 44)
    y = alt.Y("value:Q", title=wrapped, scale=alt.Scale(zero=False))
    tooltip = ["series:N", "split:N", "side:N", "runs:Q", *channels.interval("value")]
    bars = encoded.mark_rule(strokeWidth=1.6).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=2).encode(y=y)
    if figure.value == "dimension":  # of changes there is no base
        points = channels.side_points(encoded.encode(y=y, tooltip=tooltip))
        layers = [bars, line.encode(strokeDash=channels.side_dash()), *points]
    else:
        points = _points_by_firmness(encoded.encode(y=y), tooltip)
        layers = [zero("y"), bars, line, *points]
    says = [_only(data), _intervals(table), _sides(figure, data), _firm(figure, collected)]
    says = words(figure.says, measured if figure.panels else "", *says)
    chart = _paneled(figure, alt.layer(*layers, panels.message()), data, says)
    return Drawn(chart, table, table)


def boxes(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Box plots of one mean per draw over `x`, a box per corpus and side, each draw a point."""
    rows = runs.rows_of(figure, study, collected) if known.rows is None else known.rows
    data = _with_words(figure, rows, measured)
    encoded = (
        panels.only_records(alt.Chart())
        .transform_calculate(
            cell="datum.series + ' ' + datum.side",
            cell_order="datum.series_order + (datum.side === 'base' ? 0 : 0.5)",
        )
        .encode(
            x=_x(figure, data),
            xOffset=alt.XOffset("cell:N", sort=channels.first_of("cell_order")),
            color=_colour(figure, data),
            y=alt.Y("value:Q", title=Y_TITLES["dimension"], scale=alt.Scale(zero=False)),
        )
    )
    box = encoded.mark_boxplot(extent="min-max", size=18, opacity=theme.BASE_OPACITY).encode()
    full = encoded.mark_point(filled=True, size=28, opacity=1)
    hollow = encoded.mark_point(fill="white", size=28, opacity=1)
    points = [
        full.transform_filter("datum.side !== 'base'"),
        hollow.transform_filter("datum.side === 'base'"),
    ]
    draws = "Points: one draw of a cloud each. Hollow: base. Full: fine-tuned. Boxes: quartiles."
    layered = alt.layer(box, *points, panels.message())
    says = words(figure.says, measured if figure.panels else "", draws)
    return Drawn(_paneled(figure, layered, data, says), rows, rows)


def _with_words(figure: Figure, table: pd.DataFrame, measured: str) -> pd.DataFrame:
    """The rows with what the chart and its panels name."""
    order = {value: place for place, value in enumerate(dict.fromkeys(table[figure.x]))}
    control = table["control"] != ""
    labels = corpus_labels(dict.fromkeys([*table["corpus"], *table["control"]]))
    corpus, other = table["corpus"].map(labels.get), table["control"].map(labels.get)
    # A corpus that is trained on in one panel and a control in another has one colour in both.
    changing = len(table[["corpus", "role"]].drop_duplicates()) > len(set(table["corpus"]))
    told = ~control & (table["role"] != "") & (not changing)
    own = {
        "value": table["mean"],
        "x": table[figure.x],
        "x_order": table[figure.x].map(order.get),
        "corpus": corpus.where(~control, corpus + " − " + other),
        "role": table["role"].where(told, None),
        "settings": [
            " · ".join(setting(name, row[name]) for name in figure.panels) or measured
            for row in table.to_dict("records")
        ],
    }
    if "adjusted_p_value" in table:  # one that is undefined is not firm
        own["firm"] = table["adjusted_p_value"] <= 1 - CONFIDENCE
    data = table.drop(columns="mean").assign(**own)
    data["place"] = data["x"] + beside(data) if figure.x == "layer" else data["x"]
    return data.loc[data["x"] > 0] if figure.x_scale == "log" else data


def _intervals(table: pd.DataFrame) -> str:
    counts = sorted(set(table["runs"]))
    if counts == [1]:
        drawn = " or ".join(dict.fromkeys(table["over"]))
        return f"Points: one run. Bars: 95 % interval over its {drawn}; another run moves it more."
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Points: mean over {number} runs. Bars: 95 % interval over runs (Student's t)."


def _sides(figure: Figure, data: pd.DataFrame) -> str:
    """What dashed lines and hollow points of dimensions mean, where there are both sides."""
    if figure.value != "dimension" or len(set(data["side"])) == 1:
        return ""
    return "Dashed and hollow: the base model. Solid: fine-tuned."


def _firm(figure: Figure, collected: Sequence[Collected]) -> str:
    """What hollow points of changes and differences mean; of dimensions they are base."""
    if figure.value == "dimension":
        return ""
    if all(len(set(one.tables["means"]["layer"])) == 1 for one in collected):
        return f"Hollow: not firm (p above {1 - CONFIDENCE:.2g})."
    return "Hollow: not firm once all layers are counted (Benjamini–Hochberg)."


def _paneled(
    figure: Figure, layered: panels.Layers, data: pd.DataFrame, says: list[str]
) -> panels.Panels:
    several = _several(data) and not _by_layer(figure)
    width, height = BESIDE if several else (WIDTH, HEIGHT)
    if _by_layer(figure):
        layered = panels.by_layer(layered.properties(width=240, height=190), columns=3)
    else:
        layered = layered.properties(width=width, height=height)
    chart = panels.panels(
        layered, data, figure.title, says, line=panels.SPLITS, columns=2 if several else 1
    )
    own = ["y"] if figure.y_scale == "own" else []
    if _depths_differ(figure, data):  # a model of 6 layers fills its panel, beside one of 30
        own.append("x")
    scales: dict[str, Any] = dict.fromkeys(own, "independent")
    return chart.resolve_scale(**scales) if own else chart


def _several(data: pd.DataFrame) -> bool:
    """Whether panels stand side by side, so that the figure fits on a page."""
    return len(set(data["settings"])) > 2


def _depths_differ(figure: Figure, data: pd.DataFrame) -> bool:
    if figure.x != "layer":
        return False
    return pd.Series(data.groupby("settings")["x"].max()).nunique() > 1


def _by_layer(figure: Figure) -> bool:
    """Whether each layer has a small panel of its own."""
    return figure.layers == "all" and figure.x != "layer"


def _x(figure: Figure, data: pd.DataFrame) -> alt.X:
    title = figure.x_title or figure.x.replace("_", " ")
    if figure.x_scale == "category" or figure.kind == "boxes":
        axis = alt.Axis(labelAngle=0, labelLimit=220)
        return alt.X("x:O", title=title, sort=channels.first_of("x_order"), axis=axis)
    if figure.x_scale == "log":
        scale = alt.Scale(type="log", nice=False, padding=12)
        axis = alt.Axis(format="~g")
        if figure.x != "hausdorff":  # the values of a grid are its ticks
            axis = alt.Axis(format="~g", values=sorted(set(data["x"])))
        return alt.X("x:Q", title=title, scale=scale, axis=axis)
    whole = alt.Axis(tickMinStep=1) if figure.x in ("layer", "step") else alt.Axis()
    layers = sorted(set(data["x"]))
    most = max(len(set(own["x"])) for _, own in data.groupby("settings"))
    if figure.x == "layer" and most <= panels.MOST_TICKS:
        whole = alt.Axis(values=layers, format="d")  # of these a panel shows its own
    return alt.X("place:Q", title=title, scale=channels.snug(), axis=whole)


def _colour(figure: Figure, data: pd.DataFrame) -> alt.Color:
    colour = channels.corpus_colour()
    if _only(data):
        return colour.legend(None)
    return colour.title("corpora") if figure.value == "difference" else colour


def _only(data: pd.DataFrame) -> str:
    """The corpora of all lines, where they are the same: no legend says that."""
    names = list(dict.fromkeys(data["corpus"]))
    return f"{names[0]}." if len(names) == 1 else ""


def _points_by_firmness(chart: alt.Chart, tooltip: Sequence[str | alt.Tooltip]) -> list[alt.Chart]:
    """Points of `chart` by split: full where a change is firm, hollow where it is not."""
    told = "isValid(datum.adjusted_p_value) ? format(datum.adjusted_p_value, '.2g') : 'undefined'"
    shown = [*tooltip, alt.Tooltip("adjusted_p:N", title="adjusted p")]
    shaped = chart.transform_calculate(adjusted_p=told).encode(
        shape=channels.split_shape(), tooltip=shown
    )
    # The full ones come first, since a legend takes the fill of the first layer.
    full = shaped.mark_point(filled=True, size=65, opacity=1)
    hollow = shaped.mark_point(fill="white", strokeWidth=1.8, size=50, opacity=1)
    return [full.transform_filter("datum.firm"), hollow.transform_filter("!datum.firm")]
