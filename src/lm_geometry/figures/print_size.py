"""Figures for print: as wide as a column, with no type smaller than asked, as SVG, PDF and PNG."""

import copy
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from lm_geometry.figures.export import vega_lite_version

POINTS_PER_INCH, MILLIMETRES_PER_INCH = 72.0, 25.4
NARROWEST, WIDEST = 40.0, 500.0  # millimetres
SMALLEST_TYPE = 11.0  # pixels: axis labels, the headers of panels
CHARACTER = 0.55  # of the size of type: a letter's mean width
FEWEST_PIXELS = 110.0  # of a panel's width, below which it is given a row with fewer others
TITLE = 14  # pixels: the largest type of a printed figure
TRIES, LESS = 10, 0.04  # and the share of the width by which the next try is narrower, at least
DOTS_PER_INCH = 300.0

# Of the lines above a panel, in Vega's words: at most MOST characters, and none of them empty.
_TOGETHER = "replace(datum.label, / = /g, '\u00a0=\u00a0')"
_WRAPPED = f"replace({_TOGETHER}, /(.{{1,MOST}})( |$)/gm, '$1\\n')"
_HEADER = f"split(replace({_WRAPPED}, /\\n+/g, '\\n'), '\\n')"

PAGE_MM = 240  # what a page leaves for a figure
Specification = dict[str, Any]


class TooNarrowError(ValueError):
    """The figure has no room for type of that size in that width."""


def printed(chart: Specification, width_mm: float, font_pt: float) -> dict[str, bytes]:
    """A figure `width_mm` wide as `svg`, `pdf` and `png` (300 dots an inch).

    `chart` is its Vega-Lite specification. Panels become narrower, and fewer stand in a row,
    until type of `font_pt` fits; legends go below, words are wrapped. Text is not scaled apart
    from the rest: its smallest type has `font_pt`. Raises TooNarrowError for a width that the
    figure does not fit in with such type, ValueError for numbers that are out of bounds.
    """
    points = width_mm / MILLIMETRES_PER_INCH * POINTS_PER_INCH
    scale = font_pt / SMALLEST_TYPE  # points a pixel
    if not (NARROWEST <= width_mm <= WIDEST and 3 <= font_pt <= 24):
        raise ValueError(
            f"{width_mm:g} mm with type of {font_pt:g} pt: a figure is {NARROWEST:g} to "
            f"{WIDEST:g} mm wide, with type of 3 to 24 pt"
        )
    import vl_convert

    svg = _fitted(chart, points / scale)
    return {
        "svg": _sized(svg, scale, "pt").encode(),
        "pdf": vl_convert.svg_to_pdf(_sized(svg, scale, "")),  # whose unit is a point
        "png": vl_convert.svg_to_png(svg, scale=scale, ppi=DOTS_PER_INCH),
    }


def height_mm(svg: bytes) -> float:
    """How high such an SVG is, in millimetres."""
    found = re.search(rb'<svg[^>]*?\sheight="([\d.]+)pt', svg)
    assert found is not None  # `printed` writes it
    return float(found[1]) / POINTS_PER_INCH * MILLIMETRES_PER_INCH


def _fitted(chart: Specification, pixels: float) -> str:
    """The figure as SVG, laid out so that it is at most so many pixels wide."""
    import vl_convert

    most = max(1, int((pixels - 60) // (FEWEST_PIXELS + 16)))
    for columns in range(_limited(copy.deepcopy(chart), most), 0, -1):
        width, text = pixels - 80, pixels
        for _ in range(TRIES):
            if columns > 1 and width / columns < FEWEST_PIXELS:
                break
            if min(width / columns, text) < FEWEST_PIXELS / 2:
                break
            svg = vl_convert.vegalite_to_svg(
                _laid_out(chart, text, width, columns),
                vl_version=vega_lite_version(),
                allowed_base_urls=[],
            )
            excess = _width(svg) - pixels
            if excess <= 0:
                return svg
            less = max(excess + 1, LESS * pixels)
            width, text = width - less, text - less
    raise TooNarrowError(
        f"the figure does not fit in {pixels:.0f} pixels: take smaller type, or wider"
    )


def _limited(spec: Specification, most: int) -> int:
    """How many panels stand in a row of `spec`, of which no more are left than `most`.

    Inner panels come first: outer ones are as many as there is room for, or below each other.
    """
    if "vconcat" in spec:
        return max(_limited(one, most) for one in spec["vconcat"])
    if "hconcat" in spec:
        inner = [_limited(one, most) for one in spec["hconcat"]]
        if sum(inner) <= most:
            return sum(inner)
        spec["vconcat"] = spec.pop("hconcat")
        return max(inner)
    if "spec" not in spec:
        return 1
    inner_columns = _limited(spec["spec"], most)
    if "columns" in spec:
        spec["columns"] = min(spec["columns"], max(1, most // inner_columns))
    return int(spec.get("columns", 1)) * inner_columns


def _laid_out(chart: Specification, pixels: float, width: float, columns: int) -> Specification:
    """The figure with so many panels in a row at most, which together have that width."""
    made = copy.deepcopy(chart)
    _limited(made, columns)
    for panel, beside in _panels(made):
        _narrowed(panel, width / beside, made)
    _wrapped(made, int(pixels / (CHARACTER * 12)))
    config = made.setdefault("config", {})
    config["legend"] = config.get("legend", {}) | {
        "orient": "bottom",
        "direction": "vertical",
        "offset": 8,
        "columns": 1,
        "labelLimit": pixels - 40,
    }
    config["aria"] = False
    config["padding"] = 4
    return made


def _panels(spec: Specification, beside: int = 1) -> Iterator[tuple[Specification, int]]:
    """The specification of every panel, and how many stand in its row."""
    for name in ("vconcat", "hconcat"):
        for one in spec.get(name, []):
            yield from _panels(one, beside * (len(spec[name]) if name == "hconcat" else 1))
    if "spec" in spec:
        yield from _panels(spec["spec"], beside * int(spec.get("columns", 1)))
    elif not {"vconcat", "hconcat"} & set(spec):
        yield spec, beside


def _narrowed(spec: Specification, width: float, made: Specification) -> None:
    """A panel of at most this width; one that has a step for each value gets narrower steps."""
    own = spec.get("width")
    if isinstance(own, dict):
        values = [row for rows in made.get("datasets", {}).values() for row in rows]
        field = _x_field(spec)
        count = len({row.get(field) for row in values}) or 1
        spec["width"] = {"step": min(own["step"], max(4.0, width / count))}
        if isinstance(spec.get("height"), dict):
            spec["height"] = {"step": min(spec["height"]["step"], 22)}
    else:
        spec["width"] = min(float(own), width) if own else width


def _x_field(spec: Specification) -> str:
    for layer in spec.get("layer", [spec]):
        field = layer.get("encoding", {}).get("x", {}).get("field")
        if field:
            return str(field)
    return ""


def _wrapped(made: Specification, characters: int) -> None:
    """Titles, captions and the lines above panels, in lines of so many characters."""
    title = made.get("title")
    if isinstance(title, dict):
        larger = int(characters * 12 / TITLE)
        title["text"] = textwrap.wrap(" ".join(_lines(title.get("text", ""))), larger)
        said = _lines(title.get("subtitle", []))
        title["subtitle"] = [part for text in said for part in textwrap.wrap(text, characters)]
        config = made.setdefault("config", {})
        config["title"] = config.get("title", {}) | {"fontSize": TITLE, "offset": 8}
    for spec in _levels(made):
        if "header" in spec.get("facet", {}):
            spec["facet"]["header"]["labelExpr"] = _HEADER.replace("MOST", str(characters - 4))


def _lines(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else text


def _levels(spec: Specification) -> Iterator[Specification]:
    """The specification, that of its panels, and so on."""
    yield spec
    inner = [spec["spec"]] if isinstance(spec.get("spec"), dict) else []
    for one in [*inner, *spec.get("vconcat", []), *spec.get("hconcat", [])]:
        yield from _levels(one)


def _width(svg: str) -> float:
    found = re.search(r'<svg[^>]*?\swidth="([\d.]+)', svg)
    if found is None:
        raise RuntimeError("vl-convert wrote an SVG without a width")
    return float(found[1])


def _sized(svg: str, scale: float, unit: str) -> str:
    """The same picture, whose width and height are told in points, with or without their name."""

    def told(found: re.Match[str]) -> str:
        return f'{found[1]}="{float(found[2]) * scale:.2f}{unit}"'

    head, rest = svg.split(">", 1)
    return re.sub(r'\b(width|height)="([\d.]+)"', told, head) + ">" + rest
