"""Figures for print: as wide as asked, with no type smaller than asked, and all of it inside."""

import io
import re
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from PIL import Image

from lm_geometry.commands.cli import main
from lm_geometry.figures.export import chart_function
from lm_geometry.figures.print_size import SMALLEST_TYPE, height_mm, printed
from lm_geometry.figures.theme import config
from lm_geometry.studies.report import redrawn
from tests.figure_rows import records_of
from tests.figures.drawn import Figure

FORMATS = ("svg", "pdf", "png")
ONLY = ("--only", "nulls_change", "--only", "nulls_difference")
FIGURES = ["dimension_by_layer", "layer_heat_map", "groups", "training"]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(("width", "type_size"), [(85.0, 7.0), (170.0, 8.0)])
def test_a_figure_has_its_width_and_type(figure: str, width: float, type_size: float) -> None:
    drawn = printed(chart_function(figure)(records_of(figure)).to_dict(), width, type_size)
    svg = drawn["svg"].decode()
    points = [float(found) for found in re.findall(r'(?:width|height)="([\d.]+)pt"', svg)]
    across = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    assert len(points) == 2
    assert points[0] <= width / 25.4 * 72
    assert across
    scale = points[0] / float(across[1])
    sizes = [float(found) for found in re.findall(r'font-size="([\d.]+)px"', svg)]
    assert min(sizes) * scale == pytest.approx(type_size, rel=0.01)
    assert min(sizes) == SMALLEST_TYPE
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", drawn["pdf"])
    assert box
    assert [float(found) for found in box.groups()] == pytest.approx(points, abs=0.1)
    picture = Image.open(io.BytesIO(drawn["png"]))
    assert picture.width == pytest.approx(points[0] / 72 * 300, abs=2)
    assert height_mm(drawn["svg"]) == pytest.approx(points[1] / 72 * 25.4)


@pytest.mark.parametrize(("width", "type_size"), [(20.0, 7.0), (85.0, 1.0), (40.0, 24.0)])
def test_what_no_figure_fits_in_is_refused(width: float, type_size: float) -> None:
    chart = chart_function("groups")(records_of("groups")).to_dict()
    with pytest.raises(ValueError, match=r"mm wide|does not fit"):
        printed(chart, width, type_size)


def two_rows() -> dict[str, Any]:
    """A figure as studies of prompts have them: two panels and two more in a row, two below."""
    rows = [{"panel": name, "x": at, "y": at} for name in ("a", "b") for at in (1, 2)]
    pair = alt.FacetChart(
        data=alt.InlineData(values=rows),
        spec=alt.Chart().mark_point().encode(x="x:Q", y="y:Q").properties(width=300, height=60),
        facet=alt.Facet("panel:N", title=None),
        columns=2,
    )
    return alt.vconcat(pair | pair, pair, title="Two rows").configure(**config()).to_dict()


@pytest.mark.parametrize(("width", "rows"), [(60.0, 6), (85.0, 3), (170.0, 2)])
def test_panels_that_do_not_fit_side_by_side_stand_below_each_other(
    width: float, rows: int, tmp_path: Path
) -> None:
    svg = printed(two_rows(), width, 7.0)["svg"]
    points = re.search(rb'width="([\d.]+)pt"', svg)
    assert points
    assert float(points[1]) <= width / 25.4 * 72
    (tmp_path / "figure.svg").write_bytes(re.sub(rb'="([\d.]+)pt"', rb'="\1"', svg))
    headings = [one for one in Figure.read(tmp_path / "figure.svg").texts if one.words in "ab"]
    assert len(headings) == 6
    assert len({round(one.top) for one in headings}) == rows


@pytest.mark.parametrize("name", ["sensitivity_points", "token_geometry_shuffled"])
def test_figures_of_a_study_have_the_width_that_those_of_a_run_have(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stems = {"sensitivity_points": "change_by_points"}
    stem = stems.get(name, "prompt_dimension_each")
    main(["figures", str(tmp_path), "--study", name, "--only", stem, "--width-mm", "120"])
    assert {path.name for path in tmp_path.iterdir()} == {f"{stem}.{s}" for s in FORMATS}
    width = re.search(r'width="([\d.]+)pt"', (tmp_path / f"{stem}.svg").read_text())
    assert width
    assert 0.8 * 120 < float(width[1]) / 72 * 25.4 <= 120
    assert "120 mm, type of 7 pt and more; svg, pdf, png" in capsys.readouterr().out


def test_what_of_a_study_does_not_fit_is_named_and_the_rest_is_written(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nulls_change: not in 85 mm with type of 7 pt"):
        main(["figures", str(tmp_path), "--study", "nulls", *ONLY])
    assert (tmp_path / "nulls_difference.pdf").exists()
    with pytest.raises(SystemExit, match="no figure nulls_chang; did you mean 'nulls_change'"):
        main(["figures", str(tmp_path), "--study", "nulls", "--only", "nulls_chang"])


def test_what_was_not_asked_for_is_not_drawn_and_of_nothing_no_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def none(figure: Any, *given: object) -> None:
        asked.append(figure.kind)
        raise ValueError("there is nothing to draw")

    monkeypatch.setattr(redrawn, "drawn", none)
    with pytest.raises(SystemExit, match="no figure nulls_chang;"):
        main(["figures", str(tmp_path), "--study", "nulls", "--only", "nulls_chang"])
    assert asked == []
    main(["figures", str(tmp_path), "--study", "nulls", "--only", "nulls_change"])
    assert len(asked) == 1
    assert capsys.readouterr().out == "without data, and left out: nulls_change\n"
