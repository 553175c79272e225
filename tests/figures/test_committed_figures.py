"""Every figure in git, opened: nothing is cut off, no text lies on another, no panel is empty."""

from itertools import combinations
from pathlib import Path

import pytest

from lm_geometry.figures.print_size import PAGE_MM
from lm_geometry.workspace.section import ROOT
from tests.figures.drawn import Figure

FIGURES = [
    *sorted((ROOT / "plots" / "svg").glob("*.svg")),
    *sorted((ROOT / "studies" / "results").glob("**/*.svg")),
]
# As wide as a page's text no figure is longer than the page. Of these the numbers were not kept
# when they were drawn, so that only their experiments, run again, draw them anew.
PAGE = PAGE_MM / 170  # of the width
LONGER = {
    "finetuning_shift_bundled-violins",
    *(f"token_geometry_shuffled-prompt_dimension_{kind}" for kind in ("layers_2", "scales")),
    "token_geometry_shuffled-prompt_overlap_layers",
}
FRAME = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><g>{}'
    '<g class="mark-group role-scope cell"><g transform="translate(20,10)">'
    '<path class="background" d="M0,0h100v50h0Z"/><g class="mark-rule role-axis-grid"/>{}</g></g>'
    "</g></svg>"
)
POINT = '<g class="mark-symbol role-mark marks"><path d="M0,0h1v1h1Z"/></g>'


def words(text: str, x: float, y: float) -> str:
    return f'<text font-size="10px" transform="translate({x},{y})">{text}</text>'


def cut_off(figure: Figure) -> list[str]:
    right, bottom = figure.width + 2, figure.height + 2
    return [
        text.words
        for text in figure.texts
        if min(text.left, text.top) < -2 or text.right > right or text.bottom > bottom
    ]


def on_another(figure: Figure) -> list[tuple[str, str]]:
    pairs = combinations(figure.texts, 2)
    return [(one.words, other.words) for one, other in pairs if one.overlap(other) > 0.15]


def test_there_are_figures_of_the_default_run_and_of_studies() -> None:
    assert len({path.parent for path in FIGURES}) > 10


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_committed_figure_can_be_read_whole(path: Path) -> None:
    figure = Figure.read(path)
    assert cut_off(figure) == []
    assert on_another(figure) == []
    assert figure.panels
    assert all(panel.marks for panel in figure.panels)


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_committed_figure_fits_on_a_page(path: Path) -> None:
    figure, name = Figure.read(path), f"{path.parent.name}-{path.stem}"
    if name in LONGER:
        pytest.xfail("drawn before it was laid out for a page")
    assert figure.height <= PAGE * figure.width


@pytest.mark.parametrize(
    ("texts", "marks", "faults"),
    [
        (words("whole", 20, 90), POINT, (0, 0, 0)),
        (words("cut off at the right", 150, 90), POINT, (1, 0, 0)),
        (words("above", 20, 2), POINT, (1, 0, 0)),
        (words("one", 20, 90) + words("another", 25, 92), POINT, (0, 1, 0)),
        (words("whole", 20, 90), "", (0, 0, 1)),
        (words("<tspan>two</tspan><tspan x='0' dy='12'>lines</tspan>", 20, 80), POINT, (0, 0, 0)),
        (words("<tspan>two</tspan><tspan x='0' dy='40'>lines</tspan>", 20, 80), POINT, (1, 0, 0)),
    ],
)
def test_each_fault_is_seen(
    tmp_path: Path, texts: str, marks: str, faults: tuple[int, int, int]
) -> None:
    (tmp_path / "figure.svg").write_text(FRAME.format(texts, marks))
    figure = Figure.read(tmp_path / "figure.svg")
    empty = [panel for panel in figure.panels if not panel.marks]
    assert (len(cut_off(figure)), len(on_another(figure)), len(empty)) == faults
