"""Figures: what is drawn is what the records say, and DVC's templates draw the same."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import vl_convert

from lm_geometry.figures.export import NAMES, chart_function, vega_lite_version
from lm_geometry.figures.records import figure_records
from lm_geometry.figures.theme import CORPUS_COLOURS
from lm_geometry.plot_pages.templates import DATA_ANCHOR, TEMPLATES, template
from tests.figure_rows import (
    CORPORA,
    GROUPS,
    LAYERS,
    NULLS,
    READINGS,
    SCALES,
    SETTINGS,
    SHUFFLES,
    STEPS,
    Records,
    read_twice,
    records_of,
    rows_of,
)

FINE_TUNED_COLOUR, CONTROL_COLOUR = CORPUS_COLOURS[:2]


def _specification(figure: str, records: Any) -> dict[str, Any]:
    return chart_function(figure)(records).to_dict()


def _marks(specification: dict[str, Any]) -> list[dict[str, Any]]:
    """Every mark that Vega draws: its kind, its role, its items."""
    drawn = vl_convert.vegalite_to_scenegraph(specification, vl_version=vega_lite_version())
    return list(_walk(drawn["scenegraph"]))


@cache
def _default_marks(figure: str) -> list[dict[str, Any]]:
    return _marks(_specification(figure, records_of(figure)))


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for child in node.get("items", []):
        if "marktype" in node and node["marktype"] != "group":
            break
        yield from _walk(child)
    if "marktype" in node:
        yield node


def _drawn(marks: list[dict[str, Any]], kind: str) -> list[Records]:
    """Items of each mark of a kind that stands for data."""
    return [
        mark["items"]
        for mark in marks
        if mark["marktype"] == kind and mark["role"] == "mark" and mark["items"]
    ]


def _texts(marks: list[dict[str, Any]], ticks: bool = True) -> str:
    """All words in a figure, in the order of drawing; without `ticks` no labels of an axis."""
    words: list[str] = []
    for mark in marks if ticks else [m for m in marks if m["role"] != "axis-label"]:
        for item in mark["items"] if mark["marktype"] == "text" else []:
            text = item.get("text", "")
            words += text if isinstance(text, list) else [str(text)]
    return "\n".join(words)


LINES = {
    "loss": 2,
    "training": 1 + 2,
    "dimension_by_checkpoint": 2 * len(LAYERS),
    "local_estimates": 0,
    "dimension_by_layer": 2 * 2,
    "layer_heat_map": 0,
    "gride_by_scale": 2 * 2,
    "difference_of_differences": 2,
    "null_models": 0,
    "correlation": 2 * 2 * 2 * 2,
    "groups": 0,
    "prompt_correlation": 3 * 2 * 2,
    "prompt_dimension": 2 * len(SHUFFLES) * len(SCALES),
    "prompt_scales": 2 * len(SHUFFLES) * len(LAYERS),
    "prompt_similarity": 2 * len(SHUFFLES) * 2,
}
POINTS = {
    "loss": 2 * len(STEPS),
    "training": 2 * len(STEPS),
    "dimension_by_checkpoint": 2 * len(LAYERS) * len(STEPS),
    "local_estimates": 2 * 2,
    "dimension_by_layer": 2 * 2 * len(LAYERS),
    "layer_heat_map": 2 * 2 * (len(LAYERS) - 1),  # dots of firm changes; the cells are no points
    "gride_by_scale": 2 * 2 * len(SCALES),
    "difference_of_differences": 2 * len(LAYERS),
    "null_models": (2 * 3 + 1) * len(NULLS),
    "correlation": 2 * 2 * 2 * 2 * len(LAYERS),
    "groups": 2 * 2 * len(GROUPS),
    "prompt_correlation": 3 * 2 * 2 * len(LAYERS),
    "prompt_dimension": 2 * len(SHUFFLES) * len(SCALES) * len(LAYERS),
    "prompt_scales": 2 * len(SHUFFLES) * len(SCALES) * len(LAYERS),
    "prompt_similarity": 2 * len(SHUFFLES) * 2 * len(LAYERS),
}


@pytest.mark.parametrize("figure", NAMES)
def test_every_line_and_point_is_drawn_under_the_settings(figure: str) -> None:
    marks = _default_marks(figure)
    assert len(_drawn(marks, "line")) == LINES[figure]
    assert sum(map(len, _drawn(marks, "symbol"))) == POINTS[figure]
    assert "N = 3,000 tokens" in _texts(marks)
    assert "L = 128 neighbours" in _texts(marks)
    assert "nothing to show" not in _texts(marks)


def test_a_test_split_that_was_scored_has_a_line_and_a_name_in_the_legend() -> None:
    records = records_of("training")
    scored = [
        row | {"curve": "test", "split": "test"} for row in records if row["curve"] == "validation"
    ]
    marks = _marks(_specification("training", [*records, *scored]))
    assert len(_drawn(marks, "line")) == 1 + 2 * 2
    assert sum(map(len, _drawn(marks, "symbol"))) == 2 * 2 * len(STEPS)
    assert "test" in _texts(marks).splitlines()
    assert "test" not in _texts(_default_marks("training")).splitlines()


SIDE_BY_SIDE = [
    *("dimension_by_layer", "layer_heat_map", "local_estimates", "gride_by_scale", "correlation"),
]


@pytest.mark.parametrize("figure", SIDE_BY_SIDE)
def test_two_readings_stand_side_by_side_the_shown_one_first(figure: str) -> None:
    marks = _marks(_specification(figure, read_twice(figure)))
    assert len(_drawn(marks, "line")) == 2 * LINES[figure]
    assert sum(map(len, _drawn(marks, "symbol"))) == 2 * POINTS[figure]
    headers = [word for word in _texts(marks).splitlines() if word in READINGS]
    panels = {"dimension_by_layer": 1, "gride_by_scale": 1, "correlation": 4}.get(figure, 2)
    assert sorted(headers) == sorted(READINGS * panels)
    assert headers[0] == READINGS[0]
    alone = _texts(_default_marks(figure))
    assert not any(reading in alone for reading in READINGS)


def test_the_published_reading_is_dashed_where_it_is_laid_over_the_shown_one() -> None:
    lines = _drawn(
        _marks(_specification("dimension_by_checkpoint", read_twice("dimension_by_checkpoint"))),
        "line",
    )
    assert len(lines) == 2 * LINES["dimension_by_checkpoint"]
    dashes = [str(line[0]["strokeDash"]) for line in lines]
    assert dashes.count("[4, 3]") == dashes.count("[1, 0]") == LINES["dimension_by_checkpoint"]
    records = read_twice("difference_of_differences")
    marks = _marks(_specification("difference_of_differences", records))
    dashed = [line for line in _drawn(marks, "line") if line[0].get("strokeDash")]
    assert len(dashed) == 1
    assert len(_drawn(marks, "line")) == LINES["difference_of_differences"] + 1
    points = [point for mark in _drawn(marks, "symbol") for point in mark]
    assert len(points) == len(records) == POINTS["difference_of_differences"] + len(LAYERS)
    assert len({round(point["x"], 3) for point in points}) == len(points)  # none hides another


@pytest.mark.parametrize("figure", ["dimension_by_layer", "gride_by_scale"])
def test_points_stand_at_their_values(figure: str) -> None:
    records = records_of(figure)
    field = "mean" if figure == "dimension_by_layer" else "dimension"
    heights = [point["y"] for mark in _drawn(_default_marks(figure), "symbol") for point in mark]
    values = sorted((record[field] for record in records), reverse=True)
    slope, offset = np.polyfit(values, sorted(heights), 1)
    np.testing.assert_allclose(sorted(heights), slope * np.array(values) + offset, atol=1e-6)
    assert slope < 0


def test_zero_of_differences_lies_where_the_values_say() -> None:
    marks = _default_marks("difference_of_differences")
    points = sorted(point["y"] for mark in _drawn(marks, "symbol") for point in mark)
    values = sorted(
        (row["difference"] for row in rows_of("difference_of_differences")), reverse=True
    )
    slope, offset = np.polyfit(values, points, 1)
    level = [rule["y"] for mark in _drawn(marks, "rule") for rule in mark if "x2" in rule]
    assert level == [pytest.approx(offset, abs=1e-6)]
    assert slope < 0


def test_null_models_have_a_panel_for_each_level_and_change_and_one_for_the_difference() -> None:
    words = _texts(_default_marks("null_models"))
    assert words.count("mean local dimension") == words.count("its change since base") == 2
    assert "speeches (fine-tuned) − encyclopaedia" in words
    assert "difference of the changes" in words
    points = [point for mark in _drawn(_default_marks("null_models"), "symbol") for point in mark]
    hollow = [point for point in points if point["fill"] == "white"]
    assert len(hollow) == 2 * len(NULLS)  # base
    assert words.index("the states themselves") < words.index("covariance")


def test_what_is_not_firm_is_hollow() -> None:
    marks = _default_marks("difference_of_differences")
    points = [point for mark in _drawn(marks, "symbol") for point in mark]
    hollow = [point for point in points if point["fill"] == "white"]
    assert len(hollow) == 2  # the first layer at both checkpoints
    others = [point["x"] for point in points if point["fill"] != "white"]
    assert max(point["x"] for point in hollow) < min(others)


def test_groups_stand_from_the_highest_to_the_lowest() -> None:
    words = _texts(_default_marks("groups")).splitlines()
    labels = [word for word in words if word in GROUPS]
    assert labels == list(GROUPS) * 2


def test_shown_checkpoint_is_the_thickest_line() -> None:
    for shown in (40, 80):
        records = records_of("difference_of_differences", shown=shown)
        lines = _drawn(_marks(_specification("difference_of_differences", records)), "line")
        thickest = max(lines, key=lambda line: line[0]["strokeWidth"])
        assert f"optimiser step: {shown};" in thickest[0]["description"]
        assert len({line[0]["strokeWidth"] for line in lines}) == 2


@pytest.mark.parametrize("figure", ["loss", "dimension_by_checkpoint", "dimension_by_layer"])
def test_the_fine_tuned_corpus_has_the_first_colour_wherever_it_stands(figure: str) -> None:
    lines = _drawn(_default_marks(figure), "line")
    colours = {
        corpus: {line[0]["stroke"] for line in lines if corpus in line[0]["description"]}
        for corpus, _ in CORPORA
    }
    assert colours == {"speeches": {FINE_TUNED_COLOUR}, "encyclopaedia": {CONTROL_COLOUR}}


def test_base_is_dashed_and_the_fine_tuned_checkpoint_solid() -> None:
    lines = _drawn(_default_marks("gride_by_scale"), "line")
    dashes = {("base" in line[0]["description"], str(line[0]["strokeDash"])) for line in lines}
    assert dashes == {(True, "[4, 3]"), (False, "[1, 0]")}


def test_structured_and_shuffled_prompts_differ_in_colour_and_base_is_dashed() -> None:
    lines = _drawn(_default_marks("prompt_dimension"), "line")
    colours = {
        shuffle: {line[0]["stroke"] for line in lines if f"shuffle: {shuffle}" in _said(line)}
        for shuffle in SHUFFLES
    }
    assert all(len(found) == 1 for found in colours.values())
    assert colours[0] != colours[5]
    dashes = {("checkpoint: base" in _said(line), str(line[0]["strokeDash"])) for line in lines}
    assert dashes == {(True, "[4, 3]"), (False, "[1, 0]")}
    words = _texts(_default_marks("prompt_dimension"))
    assert "S = 0: the text" in words
    assert "S = 5: 1,024 blocks" in words
    alone = [row for row in records_of("prompt_dimension") if row["checkpoint"] == "base"]
    lines = _drawn(_marks(_specification("prompt_dimension", alone)), "line")
    assert {str(line[0]["strokeDash"]) for line in lines} == {"[1, 0]"}


def _said(line: Records) -> str:
    return line[0]["description"]


def test_base_is_the_left_half_of_a_violin() -> None:
    marks = _default_marks("local_estimates")
    halves = _drawn(marks, "area")
    assert len(halves) == 4
    for half in halves:
        outwards = np.array([point["x"] - point["x2"] for point in half])
        base = "checkpoint: base" in half[0]["description"]
        assert (outwards < 0).all() if base else (outwards > 0).all()
    words = _texts(marks)
    for row in rows_of("local_estimates")[:: len(rows_of("local_estimates")) // 4]:
        assert f"mean {row['mean']:.2f}" in words
        assert f"median {row['median']:.2f}" in words
        assert f"s.d. {row['standard_deviation']:.2f}" in words
    assert words.count("change −0.25 s.d.") == 2


@pytest.mark.parametrize("figure", NAMES)
def test_committed_template_is_what_the_code_makes(figure: str) -> None:
    path = TEMPLATES / f"{figure}.json"
    assert path.read_text(encoding="utf-8") == template(figure), (
        "run `python -m lm_geometry.plot_pages.templates`"
    )
    assert path.read_text(encoding="utf-8").count('"data"') == 1


@pytest.mark.parametrize("figure", NAMES)
def test_dvc_draws_the_same_chart_with_a_row_of_panels_per_revision(figure: str) -> None:
    from dvc_render import VegaRenderer

    first, second = records_of(figure, shown=40), records_of(figure)
    records = [r | {"rev": "step-400"} for r in first] + [r | {"rev": "step-2800"} for r in second]
    renderer = VegaRenderer(records, figure, template=figure, template_dir=str(TEMPLATES))
    filled = json.loads(renderer.partial_html())
    ours = _specification(figure, records)
    assert DATA_ANCHOR not in json.dumps(filled)
    # A template does not know which layers there are, where ours has its ticks.
    assert _texts(_marks(filled), ticks=False) == _texts(_marks(ours), ticks=False)
    words = _texts(_marks(filled))
    assert 0 <= words.index("step-400") < words.index("step-2800")
    assert words.count("N = 3,000 tokens") == 2


@pytest.mark.parametrize("figure", NAMES)
def test_a_table_without_records_says_why(figure: str) -> None:
    empty = figure_records(figure, [], SETTINGS, nothing="finetune.task is none")
    words = _texts(_marks(_specification(figure, empty)))
    assert "nothing to show: finetune.task" in words.replace("\n", " ")


def test_a_revision_without_records_stands_beside_one_with_them() -> None:
    figure = "difference_of_differences"
    records = [r | {"rev": "a"} for r in figure_records(figure, [], SETTINGS)]
    records += [r | {"rev": "b"} for r in records_of(figure)]
    marks = _marks(_specification(figure, records))
    assert "nothing to show" in _texts(marks)
    assert sum(map(len, _drawn(marks, "symbol"))) == POINTS[figure]


def test_a_data_frame_draws_as_its_records_do() -> None:
    records = records_of("dimension_by_layer")
    frame = pd.DataFrame(records)
    frame.loc[0, "lower"] = np.nan
    specification = _specification("dimension_by_layer", frame)
    (values,) = specification["datasets"].values()
    assert values[0]["lower"] is None
    assert values[1:] == records[1:]
