"""Figure of a measurement: mean local dimension through the layers."""

import re
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from lm_geometry.figures import theme
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.workspace.tables import Row

WIDTH, HEIGHT = 560, 320
OF_MEANS = ("", "/lower", "/upper")  # after a cell's name, the names of its mean and interval
CELL = re.compile(r"((?:control/)?layer_\d+(?:/[a-z_]+_[\d.e-]+_[a-z+]+)?)")  # of `Watch`'s names
SHADES = [[1, 0], [5, 3], [2, 2], [8, 2, 2, 2]]


def by_layer(
    tables: Mapping[str, pd.DataFrame], lines: Sequence[str], value: str = "local dimension"
) -> alt.VConcatChart:
    """Means over layers with their intervals, from tables by the name of the model.

    A colour per reading, estimator and L; a dash per model where there are several.
    """
    records = [record for name, table in tables.items() for record in _records(name, table)]
    series = list(dict.fromkeys(str(record["series"]) for record in records))
    colour = alt.Color(
        "series:N",
        title=None,
        sort=series,
        scale=alt.Scale(domain=series, range=_colours(len(series))),
        legend=alt.Legend(symbolOpacity=1),
    )
    x = alt.X("layer:Q", title="layer", axis=alt.Axis(tickMinStep=1))
    y = alt.Y("mean:Q", title=f"mean {value}", scale=alt.Scale(zero=False))
    base = alt.Chart(alt.InlineData(values=records)).encode(x=x, color=colour)
    lower = alt.Y("lower:Q", title=f"mean {value}", scale=alt.Scale(zero=False))
    band = base.mark_area(opacity=theme.BAND_OPACITY).encode(
        y=lower, y2="upper:Q", detail="model:N"
    )
    told = ["model:N", "series:N", "layer:O", "mean:Q", "lower:Q", "upper:Q", "points:Q"]
    line = base.mark_line(strokeWidth=2).encode(y=y, detail="model:N")
    if len(tables) > 1:  # of the lines alone: a legend takes the look of the first mark
        dash = alt.Scale(domain=list(tables), range=SHADES[: len(tables)])
        stroke = alt.Legend(symbolType="stroke", symbolSize=300, symbolStrokeColor=theme.INK)
        line = line.encode(
            strokeDash=alt.StrokeDash("model:N", title=None, scale=dash, legend=stroke)
        )
    points = base.mark_point(filled=True, size=30).encode(y=y, tooltip=told)
    title = alt.Title(f"Mean {value} through the layers", subtitle=_wrapped(lines))
    layered = alt.layer(band, line, points).properties(width=WIDTH, height=HEIGHT, title=title)
    return alt.vconcat(layered).configure(**theme.config())


def _records(name: str, table: pd.DataFrame) -> list[Row]:
    columns = ["layer", "mean", "lower", "upper", "points"]
    return [
        {column: None if pd.isna(row[column]) else row[column] for column in columns}
        | {"model": name, "series": _series({str(column): value for column, value in row.items()})}
        for row in table.to_dict("records")
    ]


def _series(row: Row) -> str:
    """What a line is of, such as "twonn, L = 128, neighbours of other documents"."""
    kinds = str(row["exclude"]).split("+")
    told = "all neighbours" if kinds == [NONE] else f"neighbours of other {'s and '.join(kinds)}s"
    return f"{row['estimator']}, L = {row['n_neighbors']:g}, {told}"


def _colours(number: int) -> list[str]:
    palette = theme.CORPUS_COLOURS
    return [palette[i % len(palette)] for i in range(number)]


def _wrapped(lines: Sequence[str], width: int = 110) -> list[str]:
    import textwrap

    return [part for line in lines for part in textwrap.wrap(line, width)]


def by_step(
    history: Sequence[Mapping[str, float]], prefix: str, lines: Sequence[str] = ()
) -> alt.VConcatChart:
    """Means over the steps of a training, and below them their change, a line per layer.

    `history` holds what `LocalDimensionCallback` measured; of its names means and changes below
    `prefix` are drawn, without a band where there is no interval.
    """
    kinds = {"mean local dimension": "", "change since the first step": "change"}
    records = [r for kind, end in kinds.items() for r in _steps(history, prefix, kind, end)]
    names = list(dict.fromkeys(str(record["layer"]) for record in records))
    scale = alt.Scale(domain=names, range=_colours(len(names)))
    steps = [line["step"] for line in history] or [0]
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=alt.X("step:Q", title="optimiser step", scale=alt.Scale(domain=[min(steps), max(steps)])),
        color=alt.Color("layer:N", title=None, scale=scale),
    )
    rows = []
    for kind in kinds:
        own = base.transform_filter(alt.datum.kind == kind)
        y = alt.Y("value:Q", title=kind, scale=alt.Scale(zero=False))
        ends = alt.Y("lower:Q", title=kind, scale=alt.Scale(zero=False))
        band = own.mark_area(opacity=theme.BAND_OPACITY).encode(y=ends, y2="upper:Q")
        line = own.mark_line(strokeWidth=2, point=True).encode(y=y)
        rows.append(alt.layer(band, line).properties(width=WIDTH, height=HEIGHT * 2 // 3))
    title = alt.Title("Local dimensions while the model trains", subtitle=_wrapped(lines))
    return alt.vconcat(*rows, title=title).configure(**theme.config())


def _steps(history: Sequence[Mapping[str, float]], prefix: str, kind: str, end: str) -> list[Row]:
    """A record per step and cell that has the value, with its interval where that is known."""
    cell = re.compile(
        rf"{re.escape(prefix)}/((?:control/)?layer_\d+(?:/[a-z_]+_[\d.e-]+_[a-z+]+)?)"
    )
    value, lower, upper = (f"/{end}", f"/{end}_lower", f"/{end}_upper") if end else OF_MEANS
    found: list[Row] = []
    for line in history:
        for name in line:
            match = cell.fullmatch(name)
            if match and f"{name}{value}" in line:
                found.append(
                    {
                        "step": line["step"],
                        "kind": kind,
                        "layer": match[1].replace("_", " ", 1),
                        "value": line[f"{name}{value}"],
                        "lower": line.get(f"{name}{lower}"),
                        "upper": line.get(f"{name}{upper}"),
                    }
                )
    return found
