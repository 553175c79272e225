"""Colours, told apart with every colour vision and in grey: simulated, and measured in CIELAB."""

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.figures.export import NAMES, chart_function
from lm_geometry.figures.theme import CORPUS_COLOURS
from lm_geometry.plot_pages import revisions
from lm_geometry.studies.figures import against, later_scores, nulls, over_steps
from lm_geometry.studies.figures.token_geometry_panels import (
    SHUFFLE_COLOURS,
    series_colour,
    series_dash,
    series_names,
)
from tests.figure_rows import records_of

# Machado, Oliveira, Fernandes 2009, table 1 (IEEE TVCG 15:1291), severity 1, of linear RGB.
VISIONS = {
    "trichromacy": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
# Of linear sRGB in units of white (D65), and CIE's 1976 formulas for L*, a* and b*.
TO_XYZ = np.array([[0.4339, 0.3763, 0.1898], [0.2127, 0.7152, 0.0722], [0.0178, 0.1095, 0.8728]])
EPSILON, KAPPA = 216 / 24389, 24389 / 27
LEAST = 15  # of ΔE; 2 is what a trained eye sees side by side
LEAST_GREY = 15  # of L*, between neighbours and any two of the first four; of any two:
LEAST_GREY_OF_ALL = 10


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(colour: str, vision: str) -> np.ndarray:
    seen = np.clip(np.array(VISIONS[vision]) @ linear(colour), 0, 1)
    xyz = TO_XYZ @ seen
    x, y, z = np.where(xyz > EPSILON, np.cbrt(xyz), (KAPPA * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_white_and_black_are_where_they_belong() -> None:
    np.testing.assert_allclose(lab("#ffffff", "trichromacy"), [100, 0, 0], atol=0.1)
    np.testing.assert_allclose(lab("#000000", "trichromacy"), [0, 0, 0], atol=0.1)


PALETTES = [CORPUS_COLOURS, revisions.COLOURS]


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("colours", PALETTES, ids=["corpora", "revisions"])
def test_any_two_are_told_apart(colours: list[str], vision: str) -> None:
    seen = {colour: lab(colour, vision) for colour in colours}
    near = [
        (one, other)
        for one, other in combinations(colours, 2)
        if np.linalg.norm(seen[one] - seen[other]) < LEAST
    ]
    assert near == []


def lightness(colour: str) -> float:
    """L*, all that is left of a colour in grey."""
    return float(lab(colour, "trichromacy")[0])


def near_in_grey(colours: list[str]) -> list[tuple[str, str]]:
    """Neighbours in the order of a legend that are as good as alike in grey."""
    return [
        (one, other)
        for one, other in pairwise(colours)
        if abs(lightness(one) - lightness(other)) < LEAST_GREY
    ]


def test_blue_and_vermilion_of_one_lightness_are_seen_to_be_near() -> None:
    assert near_in_grey(["#0072B2", "#D55E00"]) == [("#0072B2", "#D55E00")]


@pytest.mark.parametrize("colours", PALETTES, ids=["corpora", "revisions"])
def test_palettes_are_told_apart_in_grey(colours: list[str]) -> None:
    assert near_in_grey(colours) == []
    first = combinations([lightness(colour) for colour in colours[:4]], 2)
    assert min(abs(one - other) for one, other in first) >= LEAST_GREY
    every = combinations([lightness(colour) for colour in colours], 2)
    assert min(abs(one - other) for one, other in every) >= LEAST_GREY_OF_ALL


@pytest.mark.parametrize(
    "colours",
    [over_steps.EVENTS, later_scores.PAIR_COLOURS, against.COLOURS, against.SPLIT_COLOURS],
)
def test_colours_of_other_things_are_told_apart_in_grey(colours: dict[str, str]) -> None:
    assert near_in_grey(list(colours.values())) == []


def test_what_null_models_leave_is_told_apart_in_grey() -> None:
    order = [nulls.NULL, nulls.REMAINDER, nulls.REAL]  # each pair of them stands side by side
    assert near_in_grey([nulls.COLOURS[name] for name in [*order, nulls.NULL]]) == []


def scales(spec: Any) -> Iterator[list[str]]:
    """The colours of every scale of names in a specification that is a list of them."""
    if isinstance(spec, dict):
        of_colour = spec.get("color")
        if isinstance(of_colour, dict) and of_colour.get("type") in ("nominal", "ordinal"):
            colours = of_colour.get("scale", {}).get("range")
            if isinstance(colours, list):
                yield colours
        for inner in spec.values():
            yield from scales(inner)
    elif isinstance(spec, list):
        for inner in spec:
            yield from scales(inner)


@pytest.mark.parametrize("figure", NAMES)
def test_series_of_a_figure_are_told_apart_in_grey(figure: str) -> None:
    spec = chart_function(figure)(records_of(figure)).to_dict()
    assert [near_in_grey(colours) for colours in scales(spec) if near_in_grey(colours)] == []


def test_changes_of_both_signs_have_marks_of_their_own() -> None:
    spec = chart_function("layer_heat_map")(records_of("layer_heat_map")).to_dict()
    shapes = [
        layer["encoding"]["shape"]
        for layer in spec["spec"]["spec"]["layer"]
        if "shape" in layer.get("encoding", {})
    ]
    condition = {"test": "datum.change < 0", "value": "triangle-down"}
    assert shapes == [{"condition": condition, "value": "triangle-up"}]


def test_shuffles_that_are_near_in_grey_are_dashed_in_turn() -> None:
    names = list(series_names(pd.Series(range(len(SHUFFLE_COLOURS))), "shuffle"))
    colour: Any = series_colour(names, "shuffle").to_dict()
    dash: Any = series_dash(names, "shuffle").to_dict()
    colours, dashes = colour["scale"]["range"], dash["scale"]["range"]
    assert near_in_grey(colours) != []
    assert all(one != other for one, other in pairwise(dashes))
    grey = [lightness(colour) for colour in colours]
    assert grey == sorted(grey)  # the order is read without colour
