"""What a figure in SVG shows: its texts with the boxes that they fill, and its panels."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from lm_geometry.point_cloud.shapes import Float64

Matrix = Float64[np.ndarray, "3 3"]
Element = ElementTree.Element
SVG = "{http://www.w3.org/2000/svg}"
STEP = re.compile(r"(translate|rotate|scale)\(([^)]*)\)")
AREA = re.compile(r"M[-\d.]+,[-\d.]+h([\d.]+)v([\d.]+)")
# Widths of Liberation Sans in parts of its size, of a few kinds of letters.
KINDS = {"ijl.,:;'|!": 0.23, "tfr()[] -·": 0.3, "mwMW%@": 0.82, "abcdeghnopqu0123456789": 0.54}
CAPITAL, OTHER, TALL, BELOW = 0.66, 0.5, 0.72, 0.2


@dataclass(frozen=True)
class Text:
    """A text and the box that it fills, in pixels of the figure."""

    words: str
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Text") -> float:
        """The share of the smaller box that both fill."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        areas = [(own.right - own.left) * (own.bottom - own.top) for own in (self, other)]
        return max(wide, 0) * max(high, 0) / max(min(areas), 1e-9)


@dataclass(frozen=True)
class Panel:
    """A panel with axes of its own: its size in pixels, and how many marks are in it."""

    width: float
    height: float
    marks: int


@dataclass(frozen=True)
class Figure:
    """A figure as it is drawn."""

    width: float
    height: float
    texts: list[Text]
    panels: list[Panel]

    @classmethod
    def read(cls, path: Path) -> "Figure":
        """The figure of an SVG file that Vega drew."""
        root = ElementTree.parse(path).getroot()
        size = float(root.attrib["width"]), float(root.attrib["height"])
        return cls(*size, list(_texts(root, np.eye(3))), list(_panels(root)))


def _texts(element: Element, outer: Matrix) -> Iterator[Text]:
    own = outer @ _matrix(element.get("transform", ""))
    if element.tag == f"{SVG}text":
        down = 0.0
        for line in element.iter():
            down += float(line.get("dy", 0))  # from the line before
            if (line.text or "").strip() and float(element.get("opacity", 1)) > 0:
                yield _text(element, line, down, own)
        return
    for child in element:
        yield from _texts(child, own)


def _text(element: Element, line: Element, y: float, matrix: Matrix) -> Text:
    words = (line.text or "").strip()
    size = float(element.get("font-size", "11px").removesuffix("px"))
    width = size * sum(_width(letter) for letter in words)
    left = {"middle": -width / 2, "end": -width}.get(element.get("text-anchor", "start"), 0.0)
    across, down = (left, left + width), (y - TALL * size, y + BELOW * size)
    corners = np.array([[a, b, 1] for a in across for b in down]) @ matrix.T
    (left, top), (right, bottom) = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    return Text(words, left, top, right, bottom)


def _width(letter: str) -> float:
    known = next((width for letters, width in KINDS.items() if letter in letters), None)
    return known or (CAPITAL if letter.isupper() else OTHER)


def _matrix(transform: str) -> Matrix:
    found = np.eye(3)
    for name, numbers in STEP.findall(transform):
        values = [float(value) for value in re.split(r"[ ,]+", numbers.strip())]
        step = np.eye(3)
        if name == "translate":
            step[:2, 2] = [values[0], values[1] if len(values) > 1 else 0]
        elif name == "scale":
            step[0, 0], step[1, 1] = values[0], values[-1]
        else:
            turn = np.deg2rad(values[0])
            step[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        found = found @ step
    return found


def _panels(root: Element) -> Iterator[Panel]:
    """Groups with an area and an axis or a mark, and no such group within."""
    for group in root.iter(f"{SVG}g"):
        area = group.find(f"{SVG}path[@class='background']")
        found = None if area is None else AREA.match(area.get("d", ""))
        if found is None or min(map(float, found.groups())) < 10:
            continue
        inner = [one for one in group.iter(f"{SVG}g") if one is not group]
        roles = [one.get("class", "") for one in inner]
        if any("cell" in role.split("role-")[-1] for role in roles) or _is_furniture(roles):
            continue
        drawn = [one for one in inner if " role-mark" in one.get("class", "")]
        marks = sum(float(mark.get("opacity", 1)) > 0 for one in drawn for mark in one)
        wide, high = map(float, found.groups())
        yield Panel(wide, high, marks)


def _is_furniture(roles: list[str]) -> bool:
    """Whether a group is a header, a legend or an axis: nothing is to be drawn in it."""
    return not any("role-mark" in role or "axis-grid" in role for role in roles)
