"""What a figure of a study is, and the words and marks that several kinds share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import altair as alt
import pandas as pd

from lm_geometry.aggregate.described import ESTIMATORS, reading
from lm_geometry.figures import theme
from lm_geometry.figures.corpus_labels import catalogue_labels
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.numbers.collection import Collected

STEP_TICKS = [0, 10, 30, 100, 300, 1000, 3000, 10000, 30000]  # of an axis that is stretched near 0
WORDS = {
    "model.name": "model",
    "data_prep.train": "trained on",
    "data_prep.equations.operation": "",
    "model.weights": "weights",
    "case": "",
}
READINGS = {"estimate.exclude", "aggregate.exclude"}  # parameters that tell readings apart


Chart = alt.FacetChart | alt.VConcatChart


@dataclass(frozen=True)
class Drawn:
    """A chart, every number in it, the few that its page tells, and a row for each run."""

    chart: Chart
    rows: pd.DataFrame | None = None
    told: pd.DataFrame = field(default_factory=pd.DataFrame)
    runs: pd.DataFrame | None = None


@dataclass(frozen=True)
class Known:
    """What is known of a figure already: its rows, and a row for each run, as `Drawn` has them.

    A figure is drawn of these where they are given, and else of what the experiments left.
    """

    rows: pd.DataFrame | None = None
    runs: pd.DataFrame | None = None


UNKNOWN = Known()
Draw = Callable[[Figure, Study, Sequence[Collected], str, Known], Drawn]


def measured(figure: Figure, first: Collected, layer: bool) -> str:
    """What all panels have in common: estimator, points, L, reading, and with `layer` the layer."""
    parts = [f"local {ESTIMATORS[first.estimator]}"]
    if first.estimator == "twonn":
        parts[0] += f", CDF {first.params.estimate.cdf}"
    if figure.x != "token_sample.points":
        parts.append(f"N = {int(max(first.tables['means']['points'])):,} tokens")
    if figure.x != "n_neighbors":
        parts.append(f"L = {first.n_neighbors:g}")
    if not READINGS & {figure.x, *figure.columns}:
        parts.append(reading(first.exclude))
    return " · ".join([*parts, f"layer {first.layer}"] if layer else parts)


def setting(name: str, value: object) -> str:
    """A value of a parameter as panels name it: `trained on DailyDialog`, `first half frozen`."""
    told = str(value)
    if name == "data_prep.train":  # its label, without what tells it from its like
        told = catalogue_labels().get(told, told).partition(" (")[0]
    elif name == "case":
        told = told.replace("-", " ")
    return f"{WORDS.get(name, name.rpartition('.')[2].replace('_', ' '))} {told}".strip()


def words(*lines: str) -> list[str]:
    """The lines of a subtitle that are not empty."""
    return [line for line in lines if line]


def zero(axis: Literal["x", "y"]) -> alt.Chart:
    """A line at 0 of an axis, once in each panel."""
    once = alt.Chart().transform_aggregate(records="count()")
    once = once.encode(x=alt.datum(0)) if axis == "x" else once.encode(y=alt.datum(0))
    return once.mark_rule(color=theme.INK, strokeWidth=1.2)
