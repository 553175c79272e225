"""The page of a measurement holds whatever a model or text calls itself as text."""

from collections.abc import Mapping
from dataclasses import dataclass

import altair as alt
import pandas as pd
import pytest

from lm_geometry.measure.page import page
from tests.hostile_labels import LABELS, Page


@dataclass
class Measured:
    """A measurement of what has this label."""

    label: str

    @property
    def about(self) -> Mapping[str, str]:
        return {"model": self.label, self.label: "texts"}

    def figure(self) -> alt.VConcatChart:
        rows = pd.DataFrame({"layer": [0, 1], "mean": [3.0, 2.0], "corpus": [self.label] * 2})
        drawn = alt.Chart(rows, title=f"of {self.label}").mark_line(point=True)
        return alt.vconcat(drawn.encode(x="layer", y="mean", color="corpus"))


def made(label: str) -> Page:
    table = pd.DataFrame({"layer": [0, 1], label: [label, "plain"]})
    return Page(page(label, Measured(label), table))


@pytest.mark.parametrize("what", LABELS)
def test_no_label_becomes_an_element_or_a_script(what: str) -> None:
    label = LABELS[what]
    plain, hostile = made("plain"), made(label)
    assert hostile.tags == plain.tags
    assert hostile.scripts == hostile.runs == []
    # Title and heading, twice how it was measured, head and cell of the table.
    assert hostile.text.count(label) >= 6
