"""Figures for print: as wide as asked, with no type smaller than asked, and all of it inside."""

import io
import re

import pytest
from PIL import Image

from lm_geometry.figures.export import chart_function
from lm_geometry.figures.print_size import SMALLEST_TYPE, height_mm, printed
from tests.figure_rows import records_of

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
