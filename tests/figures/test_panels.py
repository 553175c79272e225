"""Panels of one figure beside each other: their words, their axes, and cells with no panel."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from lm_geometry.figures.export import chart_function, render
from lm_geometry.figures.records import figure_records
from lm_geometry.studies.figures import token_geometry_panels
from tests.figure_rows import SETTINGS, Records, records_of, rows_of
from tests.figures.drawn import Figure, Text


def drawn(chart: Any, folder: Path) -> Figure:
    path = folder / "figure.svg"
    path.write_bytes(render(chart)["svg"])
    return Figure.read(path)


def figure_of(name: str, rows: Records, folder: Path) -> Figure:
    return drawn(chart_function(name)(figure_records(name, rows, SETTINGS)), folder)


def named(figure: Figure, words: str) -> list[Text]:
    return [text for text in figure.texts if text.words == words]


def ticks_below(figure: Figure, heading: str, axis_title: str) -> list[list[str]]:
    """The tick labels of the x axis of every panel under such a heading."""
    found = []
    for above in named(figure, heading):
        middle = (above.left + above.right) / 2
        titles = [one for one in named(figure, axis_title) if one.left < middle < one.right]
        title = min((one for one in titles if one.top > above.top), key=lambda one: one.top)
        near = [
            one
            for one in figure.texts
            if 0 < title.top - one.top < 24 and abs((one.left + one.right) / 2 - middle) < 140
        ]
        found.append([one.words for one in near])
    return found


def ending_at(accuracy: float) -> Records:
    """A training whose loss begins at a tick, and whose accuracy ends at this."""
    return [
        row | {"value": {0: 0.2, 40: 0.5, 80: accuracy}[row["step"]]}
        if row["measure"] == "accuracy"
        else row
        for row in rows_of("training")
    ]


@pytest.mark.parametrize("level", [0.7, 0.633, 0.687])
def test_words_above_the_panels_of_a_row_stand_on_one_line(level: float, tmp_path: Path) -> None:
    figure = figure_of("training", ending_at(level), tmp_path)
    [loss], [accuracy] = named(figure, "loss"), named(figure, "accuracy")
    assert loss.top == pytest.approx(accuracy.top, abs=0.5)


CORPORA = [("a", "fine-tuned"), ("b", "control"), ("c", "control")]


def heat_map(corpora: Sequence[tuple[str, str]], steps: Sequence[int]) -> Records:
    return [
        {"checkpoint": str(step), "step": step, "corpus": corpus, "role": role}
        | {"split": "test", "layer": layer, "mean": 9.0, "change": -step / 100 - layer / 50}
        | {"lower": -1.0, "upper": 0.0, "firm": False}
        for corpus, role in corpora
        for step in steps
        for layer in (3, 5)
    ]


@pytest.mark.parametrize("panels", [1, 2, 3])
def test_an_axis_stands_under_panels_alone(panels: int, tmp_path: Path) -> None:
    figure = figure_of("layer_heat_map", heat_map(CORPORA[:panels], (10, 20)), tmp_path)
    assert len(named(figure, "layer")) == panels


@pytest.mark.parametrize(("panels", "axes"), [(2, 2), (3, 3), (4, 2)])
def test_an_axis_of_prompts_stands_under_panels_alone(
    panels: int, axes: int, tmp_path: Path
) -> None:
    names = "abcd"[:panels]
    rows = [{"panel": name, "layer": at, "value": at} for name in names for at in (1.0, 2.0)]
    data = pd.DataFrame(rows)
    points = alt.Chart().mark_point().encode(x=alt.X("layer:Q", title="layer"), y="value:Q")
    figure = drawn(token_geometry_panels.paneled(data, [points], 2, 120), tmp_path)
    assert len(named(figure, "layer")) == axes


def test_rows_of_a_heat_map_are_named_as_checkpoints_and_are_no_axis_of_steps(
    tmp_path: Path,
) -> None:
    figure = figure_of("layer_heat_map", heat_map(CORPORA[:1], (10, 20, 40, 2800)), tmp_path)
    labels = [named(figure, f"step {step}") for step in ("10", "20", "40", "2,800")]
    tops = [label.top for [label] in labels]
    assert tops == sorted(tops, reverse=True)  # the last is uppermost
    distances = {round(lower - upper) for lower, upper in pairwise(tops)}
    assert len(distances) == 1
    assert named(figure, "checkpoint")
    assert not named(figure, "optimiser step")
    assert any("evenly spaced, whatever lies between" in text.words for text in figure.texts)


def of_both_ends(bounds: bool = True) -> Records:
    """The highest tokens of one corpus reach far further than those of another, and the lowest."""
    means = {("a", "highest"): (20, 44), ("a", "lowest"): (4, 5)}
    means |= {("b", "highest"): (18, 21), ("b", "lowest"): (4.5, 6)}
    return [
        {"checkpoint": name, "step": step, "corpus": corpus, "role": role, "split": "test"}
        | {"layer": 20, "grouping": f"token: {end} 2", "group": f"{end}{at}", "place": at}
        | {"mean": mean, "lower": mean - 0.5 if bounds else None}
        | {"upper": mean + 0.5 if bounds else None, "tokens": 30}
        for corpus, role in CORPORA[:2]
        for end in ("highest", "lowest")
        for at, mean in enumerate(means[corpus, end])
        for name, step in (("base", 0), ("80", 80))
    ]


@pytest.mark.parametrize("bounds", [True, False])
def test_groups_of_a_kind_have_one_axis_and_other_kinds_another(
    bounds: bool, tmp_path: Path
) -> None:
    figure = figure_of("groups", of_both_ends(bounds), tmp_path)
    ticks: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for end in ("highest", "lowest"):
        below = ticks_below(figure, f"token: {end} 2, layer 20", "mean local dimension")
        assert len(below) == 2
        ticks[end] |= {tuple(labels) for labels in below}
    [highest], [lowest] = ticks["highest"], ticks["lowest"]
    assert float(highest[-1]) >= 40
    assert float(lowest[-1]) <= 7
    assert float(lowest[0]) >= 3  # a group without an interval does not stretch it to 0


def test_batches_are_drawn_in_the_figure_of_training_and_not_again_in_that_of_loss() -> None:
    old = [row | {"curve": "training", "loss": 9.0} for row in records_of("loss")[:1]]
    records = records_of("loss")
    chart = chart_function("loss")
    assert render(chart([*records, *old]))["svg"] == render(chart(records))["svg"]
    assert {row["curve"] for row in records} == {"validation"}
    assert "training" in {row["curve"] for row in records_of("training")}
