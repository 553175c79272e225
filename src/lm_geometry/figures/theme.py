"""Colours, dashes and type that all figures share."""

from typing import Any

import altair as alt

# Told apart with any colour vision, and in grey: of the first four any two differ by 15 of CIE's
# lightness L* or more, and so does each from the next. The first is always the fine-tuned corpus,
# the second the control.
CORPUS_COLOURS = ["#0068A9", "#E68B00", "#3A1D00", "#88D6F1", "#C8609A", "#004F3A"]
INK = "#1f2933"
PALE = "#6b7785"
FAINT = "#9aa5b1"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
SIDES = ["base", "fine-tuned"]
BASE_OPACITY = 0.35
SIDE_DASHES = [[4, 3], [1, 0]]
BAND_OPACITY = 0.16


def config() -> dict[str, Any]:
    """Configuration of every chart: type, axes, legends, titles."""
    words = {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 12}
    return {
        "font": FONT,
        "background": "white",
        "padding": 12,
        "view": alt.ViewConfig(stroke="#c9d1d9"),
        "axis": alt.AxisConfig(
            **words,
            titleFontWeight="normal",
            titlePadding=8,
            gridColor="#e8ecf0",
            domainColor=FAINT,
            tickColor=FAINT,
            labelOverlap=True,
        ),
        "legend": alt.LegendConfig(
            **words,
            titleFontWeight="bold",
            labelLimit=320,
            symbolStrokeWidth=2,
            symbolSize=80,
            rowPadding=4,
            offset=22,
        ),
        "title": alt.TitleConfig(
            anchor="start",
            frame="group",
            fontSize=17,
            subtitleFontSize=12,
            subtitleColor=PALE,
            subtitleLineHeight=16,
            subtitlePadding=6,
            offset=16,
            color=INK,
        ),
    }
