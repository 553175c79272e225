"""Figure: the dimension of one cloud over scales, and over its number of tokens."""

from collections.abc import Sequence

import altair as alt

from lm_geometry.figures import theme
from lm_geometry.figures.records import Record

WIDTH, HEIGHT = 400, 280
ENDS = (2, 64)  # scales whose dimensions are told in words
NAMES = {
    "gride": "GRIDE, rank of the farther neighbour",
    "twonn": "TwoNN of parts, at the rank that thinning amounts to",
    "local": "mean local TwoNN",
}
DASHES = [[1, 0], [5, 3]]


def scales_chart(
    readings: Sequence[Record], plateaus: Sequence[Record], title: str = "Dimension by scale"
) -> alt.HConcatChart:
    """Two panels of a cloud, from the rows that `lm_geometry.scales` gives, as dictionaries.

    Left: GRIDE over neighbour ranks and TwoNN of parts of the cloud, in which two neighbours are
    as far as 2, 4, 8 … are in the whole; a band where it is level. Right: the mean local dimension
    over the number of tokens. A colour for each kind of neighbours.
    Raises ValueError where there are no readings.
    """
    if not readings:
        raise ValueError("readings: none; a figure needs those of a cloud")
    kinds = list(dict.fromkeys(str(row["neighbours"]) for row in readings))
    colour = alt.Color(
        "neighbours:N",
        title="neighbours",
        scale=alt.Scale(domain=kinds, range=theme.CORPUS_COLOURS[: len(kinds)]),
        legend=alt.Legend(symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3),
    )
    words = alt.Title(title, subtitle=[_told(kind, plateaus, readings) for kind in kinds])
    left = alt.layer(_bands(plateaus, colour), *_lines(_by_rank(readings), "rank", colour))
    right = alt.layer(*_lines(_by_tokens(readings), "tokens", colour))
    asked = (
        "Does it depend on the scale? Bands: level.",
        "Does it depend on the number of tokens?",
    )
    both = [
        panel.properties(width=WIDTH, height=HEIGHT, title=alt.Title(question, fontSize=12))
        for panel, question in zip((left, right), asked, strict=True)
    ]
    return alt.hconcat(*both, title=words).configure(**theme.config())


def _told(kind: str, plateaus: Sequence[Record], readings: Sequence[Record]) -> str:
    """Whether there is a plateau, and where; what GRIDE reads at scale 2 and at 64."""
    of_ranks = {
        row["scale"]: row["dimension"]
        for row in readings
        if (row["method"], row["neighbours"]) == ("gride", kind)
    }
    ends = [f"{of_ranks[one]:.1f} at scale {one}" for one in ENDS if one in of_ranks]
    reads = f" GRIDE reads {' and '.join(ends)}." if ends else ""
    for row in plateaus:
        if row["neighbours"] == kind:
            return (
                f"Neighbours {kind}: level from scale {row['first']} to {row['last']}, "
                f"{row['lowest']:.1f} to {row['highest']:.1f}.{reads}"
            )
    return f"Neighbours {kind}: no plateau, the dimension depends on the scale.{reads}"


def _by_rank(readings: Sequence[Record]) -> list[Record]:
    whole = max(row["tokens"] for row in readings)
    return [
        _record(row) | {"rank": row["scale"] * whole // row["tokens"]}
        for row in readings
        if row["method"] in ("gride", "twonn")
    ]


def _by_tokens(readings: Sequence[Record]) -> list[Record]:
    return [_record(row) for row in readings if row["method"] == "local"]


def _record(row: Record) -> Record:
    """NaN is null, and an error that there is becomes two bounds."""
    value, error = (
        None if row[name] != row[name] else row[name] for name in ("dimension", "error")
    )
    bounds = None if value is None or error is None else (value - error, value + error)
    return {
        "series": NAMES[row["method"]],
        "neighbours": row["neighbours"],
        "tokens": row["tokens"],
        "dimension": value,
        "lower": bounds[0] if bounds else None,
        "upper": bounds[1] if bounds else None,
    }


def _bands(plateaus: Sequence[Record], colour: alt.Color) -> alt.Chart:
    return (
        alt.Chart(alt.InlineData(values=[dict(row) for row in plateaus]))
        .mark_rect(opacity=theme.BAND_OPACITY)
        .encode(x=_axis("first"), x2="last:Q", y="lowest:Q", y2="highest:Q", color=colour)
    )


def _axis(field: str, values: Sequence[int] = ()) -> alt.X:
    title = "tokens" if field == "tokens" else "scale: rank of the farther neighbour"
    scale = alt.Scale(type="log", base=2, nice=False, padding=12)
    axis = alt.Axis(format=",d", values=sorted({*values})) if values else alt.Axis(format=",d")
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=axis)


def _lines(records: Sequence[Record], field: str, colour: alt.Color) -> list[alt.Chart]:
    """Rules one standard error long to both sides, lines, points."""
    names = list(dict.fromkeys(row["series"] for row in records))
    dash = alt.StrokeDash("series:N", title=None, scale=alt.Scale(domain=names, range=DASHES))
    title = "mean local dimension" if field == "tokens" else "dimension"
    y = alt.Y("dimension:Q", title=title, scale=alt.Scale(zero=False))
    x = _axis(field, [row[field] for row in records])
    base = alt.Chart(alt.InlineData(values=list(records))).encode(x=x, color=colour)
    told = ["series:N", "neighbours:N", f"{field}:Q", "dimension:Q", "lower:Q", "upper:Q"]
    return [
        base.mark_rule().encode(y=alt.Y("lower:Q", title=title), y2="upper:Q"),
        base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash),
        base.mark_point(filled=True, size=30).encode(y=y, tooltip=told),
    ]
