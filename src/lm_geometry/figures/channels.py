"""Channels of the charts: the same thing always has the same colour, dash and shape."""

import altair as alt

from lm_geometry.figures.theme import CORPUS_COLOURS, SIDE_DASHES, SIDES

SHAPES = ["circle", "square", "diamond"]  # of splits, in the order of the alphabet


def corpus_order() -> alt.EncodingSortField:
    """Order of corpora: the control comes last."""
    return first_of("series_order")


def first_of(field: str) -> alt.EncodingSortField:
    """Order by the smallest value of `field`."""
    return alt.EncodingSortField(field=field, op="min", order="ascending")


def corpus_colour() -> alt.Color:
    """Colour channel: a corpus, the fine-tuned one first."""
    return alt.Color(
        "series:N",
        title="corpus",
        sort=corpus_order(),
        scale=alt.Scale(range=CORPUS_COLOURS),
        legend=alt.Legend(symbolOpacity=1),
    )


def side_dash() -> alt.StrokeDash:
    """Dash channel: base is dashed, a fine-tuned checkpoint solid; needs the field `side`.

    What is drawn so says it in its caption, where no legend of a single thing takes room.
    """
    scale = alt.Scale(domain=SIDES, range=SIDE_DASHES)
    return alt.StrokeDash("side:N", scale=scale, legend=None)


def split_shape() -> alt.Shape:
    """Shape channel: the split of the corpus, which the header of the panels names."""
    return alt.Shape("split:N", scale=alt.Scale(range=SHAPES), legend=None)


def with_side(chart: alt.Chart) -> alt.Chart:
    """`chart` with the field `side`: base or fine-tuned."""
    return chart.transform_calculate(side="datum.step === 0 ? 'base' : 'fine-tuned'")


def side_points(chart: alt.Chart) -> list[alt.Chart]:
    """Points of `chart` by split: full for a fine-tuned checkpoint, hollow for base."""
    # The full ones come first, since a legend takes the fill of the first layer.
    shaped = chart.encode(shape=split_shape())
    full = shaped.mark_point(filled=True, size=65, opacity=1)
    hollow = shaped.mark_point(fill="white", strokeWidth=1.8, size=50, opacity=1)
    return [
        full.transform_filter("datum.side !== 'base'"),
        hollow.transform_filter("datum.side === 'base'"),
    ]


def beside(beside: object, shown: object) -> dict:
    """Value of a channel by reading: of the one that stands beside, or of the shown one."""
    return {"condition": {"test": "datum.beside === true", "value": beside}, "value": shown}


def snug() -> alt.Scale:
    """Scale that ends a little beyond the data instead of at a round number or 0."""
    return alt.Scale(zero=False, nice=False, padding=12)


def lower(y: alt.Y) -> alt.Y:
    """The lower end of an interval on the axis of `y`."""
    low = y.copy()
    low.shorthand = "lower:Q"
    return low


def interval(field: str) -> list[alt.Tooltip]:
    """Tooltip entries of a value and its interval."""
    return [alt.Tooltip(f"{name}:Q", format=".3f") for name in (field, "lower", "upper")]
