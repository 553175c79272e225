"""A part of figures: which share of runs alarms before the event, and which without one."""

import altair as alt
import pandas as pd

from lm_geometry.figures import theme

LABELS = {
    "none": "no labels",
    "training": "training labels",
    "held_out": "held-out labels",
    "": "joined",
}
ALARMS_SAY = (
    "Full points: runs with the event that alarm before it; hollow: runs without it that alarm.",
    "Thresholds are those of runs of other settings.",
)


def records(table: pd.DataFrame) -> alt.InlineData:
    """The rows for a chart, with `kind` in place of `labels`, and null for what is no number."""
    kinds = table.assign(kind=table["labels"].map(LABELS.get)).drop(columns="labels")
    data = kinds.astype(object)
    return alt.InlineData(values=data.where(data.notna(), None).to_dict(orient="records"))


def colour() -> alt.Color:
    """Of whose labels a signal uses."""
    colours = theme.CORPUS_COLOURS[: len(LABELS)]
    return alt.Color(
        "kind:N", title=None, scale=alt.Scale(domain=list(LABELS.values()), range=colours)
    )


def alarm_shares(base: alt.Chart) -> alt.LayerChart:
    """Detection with its interval, and false alarms, of a chart that has rows and colours."""
    unit = alt.Scale(domain=[0, 1])
    share = alt.X("detected:Q", title="runs that alarm: before the event (full)", scale=unit)
    ends = {"x": alt.X("detected_lower:Q", scale=unit), "x2": "detected_upper:Q"}
    return alt.LayerChart(
        layer=[
            base.mark_rule(strokeWidth=1.6).encode(**ends),
            base.mark_point(filled=True, size=50, opacity=1).encode(x=share),
            base.mark_point(filled=False, size=40, opacity=1).encode(
                x=alt.X("false_alarms:Q", scale=unit)
            ),
        ]
    )
