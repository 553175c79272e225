"""Charts that lay revisions over each other, and the heat map of layers and checkpoints."""

import json
from typing import Any

import numpy as np
import pytest

from lm_geometry.plot_pages.revisions import COLOURS
from lm_geometry.plot_pages.templates import BY_REVISION, CHARTS, TEMPLATES, template
from lm_geometry.workspace.section import read_yaml
from tests.figure_rows import LAYERS, STEPS, records_of, rows_of
from tests.figures.test_figures import _drawn, _marks, _specification, _texts
from tests.structure import ROOT

REVISIONS = ["step-20", "step-80", "wide"]


def compared(figure: str, revisions: list[str]) -> dict[str, Any]:
    """The template of a figure, filled by DVC's own renderer with a run's records per revision."""
    from dvc_render import VegaRenderer

    records = records_of(BY_REVISION[figure])
    rows = [r | {"rev": rev, "settings": f"{rev}'s L"} for rev in revisions for r in records]
    renderer = VegaRenderer(rows, figure, template=figure, template_dir=str(TEMPLATES))
    return json.loads(renderer.partial_html())


@pytest.mark.parametrize("figure", BY_REVISION)
def test_committed_templates_are_what_the_code_makes(figure: str) -> None:
    text = (TEMPLATES / f"{figure}.json").read_text(encoding="utf-8")
    assert text == template(figure), "run `python -m lm_geometry.plot_pages.templates`"


def test_dvc_yaml_draws_them_from_the_tables_that_they_are_made_for() -> None:
    plots = {k: v for plot in read_yaml(ROOT / "dvc.yaml")["plots"] for k, v in plot.items()}
    for figure, data in BY_REVISION.items():
        own, own_of_data = plots[figure], plots[f"plots/{data}.json"]
        assert own["template"] == figure
        assert (own["x"], own["y"]) == (own_of_data["x"], {f"plots/{data}.json": own_of_data["y"]})


@pytest.mark.parametrize("figure", BY_REVISION)
def test_every_revision_has_a_colour_and_its_settings(figure: str) -> None:
    marks = _marks(compared(figure, REVISIONS))
    words = _texts(marks)
    assert [words.index(f"{rev}: {rev}'s L") for rev in REVISIONS] == sorted(
        words.index(f"{rev}: {rev}'s L") for rev in REVISIONS
    )
    areas = {items[0]["fill"] for items in _drawn(marks, "area")}
    bars = {bar["stroke"] for items in _drawn(marks, "rule") for bar in items} & {*COLOURS}
    assert len(areas or bars) == len(REVISIONS)


def test_violins_have_the_first_revision_left_and_the_second_right() -> None:
    marks = _marks(compared("violins_by_revision", REVISIONS))
    halves = _drawn(marks, "area")
    assert len(halves) == 2 * len(REVISIONS)  # of two corpora
    middles = set()
    for half in halves:
        outwards = np.array([point["x2"] - point["x"] for point in half])
        second = "step-80" in half[0]["description"]
        assert (outwards > 0).all() if second else (outwards < 0).all()
        middles.add((round(half[0]["x"]), "wide" in half[0]["description"]))
    assert len(middles) == 2  # two revisions share a violin, the third stands beside it
    shown = {row["mean"] for row in rows_of("local_estimates") if row["side"] != "base"}
    for mean in shown:
        assert _texts(marks).count(f"mean {mean:.2f}") == len(REVISIONS)
    assert len(_drawn(marks, "line")) == 2 * len(REVISIONS)  # base, dashed


def test_a_model_that_was_not_fine_tuned_shows_its_base() -> None:
    records = [r for r in records_of("local_estimates") if r["side"] == "base"]
    figure = CHARTS["violins_by_revision"]([r | {"rev": "a"} for r in records])
    marks = _marks(figure.to_dict())
    assert len(_drawn(marks, "area")) == 2
    assert _drawn(marks, "line") == []
    assert "base" in _texts(marks).splitlines()


def test_bars_of_revisions_stand_apart_and_reach_from_bound_to_bound() -> None:
    marks = _marks(compared("ribbons_by_revision", REVISIONS[:2]))
    assert len(_drawn(marks, "line")) == 2 * 2 * 2  # revisions, corpora, base and fine-tuned
    bars = [bar for items in _drawn(marks, "rule") for bar in items]
    assert len(bars) == 2 * 2 * 2 * len(LAYERS)
    # Every interval of the made-up rows is as wide as the others.
    heights = [abs(bar["y2"] - bar["y"]) for bar in bars]
    np.testing.assert_allclose(heights, heights[0])
    places = np.unique(np.round([bar["x"] for bar in bars], 3))
    assert len(places) == 2 * 2 * len(LAYERS)  # alike in both panels


def test_a_revision_without_records_does_not_hide_the_other() -> None:
    from lm_geometry.figures.records import figure_records

    nothing = figure_records("dimension_by_layer", [], "N", nothing="no estimates")
    records = [r | {"rev": "a"} for r in nothing]
    records += [r | {"rev": "b"} for r in records_of("dimension_by_layer")]
    marks = _marks(CHARTS["ribbons_by_revision"](records).to_dict())
    assert "nothing to show: no estimates" in _texts(marks).replace("\n", " ")
    assert len(_drawn(marks, "line")) == 4


def test_the_heat_map_has_a_cell_for_each_step_and_layer_and_zero_is_pale() -> None:
    marks = _marks(_specification("layer_heat_map", records_of("layer_heat_map")))
    cells = [c for items in _drawn(marks, "rect") for c in items if c.get("opacity", 1) != 0]
    assert len(cells) == 2 * (len(STEPS) - 1) * len(LAYERS)
    changes = [row["change"] for row in rows_of("layer_heat_map")]
    # Beyond what is there: the colours of a change and of as large a one of the other sign.
    row = records_of("layer_heat_map")[0]
    pair = [row | {"layer": i, "change": c} for i, c in enumerate((-0.1, 0.0, max(changes)))]
    marks = _marks(_specification("layer_heat_map", pair))
    drawn = [c for items in _drawn(marks, "rect") for c in items if c.get("opacity", 1) != 0]
    fell, same, rose = (_rgb(c["fill"]) for c in sorted(drawn, key=lambda c: c["x"]))
    assert fell[2] >= fell[0]  # bluish
    assert rose[0] > rose[2]  # orange
    assert np.ptp(same) < 12  # grey
    assert np.abs(fell - same).sum() < np.abs(rose - same).sum() / 3  # small stays pale


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(part) for part in colour[4:-1].split(",")])
