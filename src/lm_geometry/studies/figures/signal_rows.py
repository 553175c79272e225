"""Figures with a row for each signal, in it points with their intervals beside each other."""

from collections.abc import Mapping, Sequence

import altair as alt

from lm_geometry.figures import channels, panels
from lm_geometry.studies.figures.drawn import zero


def by_signal(
    signal: str, of: str, colours: Mapping[str, str], title: str | None, legend: alt.Legend
) -> alt.Chart:
    """A row for each signal, in it a place and a colour for each value of the column `of`."""
    names = alt.Axis(labelLimit=240, domain=False, ticks=False, grid=True)
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return panels.only_records(alt.Chart()).encode(
        y=alt.Y(f"{signal}:N", title=None, sort=channels.first_of("order"), axis=names),
        yOffset=alt.YOffset(f"{of}:N", sort=list(colours)),
        color=alt.Color(f"{of}:N", title=title, scale=scale, legend=legend),
    )


def with_bars(
    encoded: alt.Chart, title: str | list[str], marks: Sequence[alt.Chart]
) -> panels.Layers:
    """The marks of `by_signal`, with intervals and a line at 0 behind them."""
    low = alt.X("lower:Q", title=title)
    bars = encoded.mark_rule(strokeWidth=1.6).encode(x=low, x2="upper:Q")
    return alt.layer(zero("x"), bars, *marks, panels.message())
