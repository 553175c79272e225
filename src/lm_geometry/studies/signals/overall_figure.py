"""The overall figure: which share of runs alarms, a panel for each family, a row a signal."""

import altair as alt
import pandas as pd

from lm_geometry.figures import theme
from lm_geometry.studies.signals.alarm_shares import ALARMS_SAY, alarm_shares, colour, records
from lm_geometry.studies.signals.callback_rule import words

SHOWN = ["signal", "labels", "false_alarms", "detected", "detected_lower", "detected_upper"]
WIDTH, ROW = 240, 19


def figure(table: pd.DataFrame) -> alt.VConcatChart:
    """Detection with its interval beside false alarms, of the rows of `overall.csv`.

    A signal that is shown of one family has a row in the others' panels, empty there.
    """
    order = list(dict.fromkeys(table["signal"]))
    panels = []
    for place, family in enumerate(dict.fromkeys(table["family"])):
        axis = None if place else alt.Axis(labelLimit=320)
        rows = alt.Scale(domain=order)
        y = alt.Y("signal:N", sort=order, scale=rows, title=None, axis=axis)
        values = records(table.loc[table["family"] == family, SHOWN])
        base = alt.Chart(values, width=WIDTH, height=ROW * len(order))
        name = alt.Title(words(str(family)), fontSize=13, offset=6)
        panels.append(alarm_shares(base.encode(y=y, color=colour())).properties(title=name))
    says = ["Bars: 95 % intervals, bootstrap over runs.", *ALARMS_SAY]
    title = alt.Title("Which signal tells, and how often does it lie?", subtitle=says)
    return alt.vconcat(alt.hconcat(*panels), title=title).configure(**theme.config())
