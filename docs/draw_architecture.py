"""Draws docs/architecture.svg, and the tables of docs/architecture.md, from contracts and imports.

    python docs/draw_architecture.py            writes both
    python docs/draw_architecture.py --check    exits with 1 if either is not as it would write it

The floors are those of the contract `floors` in pyproject.toml, the arrows what the code imports.
"""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import grimp

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PACKAGE = ROOT / "src" / "lm_geometry"
PAGE, PICTURE = DOCS / "architecture.md", DOCS / "architecture.svg"
DRAWN = re.compile(r"(?<=<!-- drawn -->\n).*?(?=<!-- /drawn -->)", flags=re.DOTALL)

MOST_ROOMS, MOST_FLOORS = 28, 9
WIDTH, FLOOR, HIGH, MARGIN = 1160, 90, 38, 24  # pixels: page, a floor, a room's box, left and right

Arrow = tuple[str, str]  # room that imports, room that is imported
KINDS = {
    "ground": ("#e7e5e4", {"workspace", "point_cloud", "remotes"}),
    "library": (
        "#dbeafe",
        {
            *("neighbours", "dimension", "observables", "statistics", "token_geometry"),
            *("surrogates", "signals", "figures", "state_tracking"),
        },
    ),
    "models and outs": ("#fef3c7", {"models", "outs"}),
    "stage": (
        "#dcfce7",
        {"data_prep", "finetune", "embed", "token_sample", "estimate", "aggregate"},
    ),
    "whole": ("#f3e8ff", set()),  # every other room
}


class House(NamedTuple):
    """The rooms by floor, lowest first, and the imports between them."""

    floors: list[list[str]]
    arrows: dict[Arrow, int]  # how many modules import how many
    circles: list[set[str]]  # modules that reach each other

    @property
    def rooms(self) -> list[str]:
        return [room for floor in self.floors for room in floor]

    @property
    def height(self) -> dict[str, int]:
        return {room: i for i, floor in enumerate(self.floors) for room in floor}

    @property
    def back_up(self) -> list[Arrow]:
        """Arrows that do not lead to a lower floor."""
        return [(a, b) for a, b in self.arrows if self.height[a] <= self.height[b]]


def house() -> House:
    """The package as its contract and its code have it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"]: one for one in project["tool"]["importlinter"]["contracts"]}
    rows = [re.split(r"\s*[|:]\s*", row) for row in reversed(contracts["floors"]["layers"])]
    graph = grimp.build_graph("lm_geometry", cache_dir=None)
    arrows: dict[Arrow, int] = {}
    for module in sorted(graph.modules):
        for other in sorted(graph.find_modules_directly_imported_by(module)):
            a, b = _room(module), _room(other)
            if a and b and a != b:
                arrows[a, b] = arrows.get((a, b), 0) + 1
    return House(rows, arrows, _circles(graph))


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _circles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Sets of modules, each of which imports every other one of its set in some steps."""
    found: list[set[str]] = []
    for module in sorted(graph.modules - {"lm_geometry"}):
        if any(module in circle for circle in found):
            continue
        below = graph.find_upstream_modules(module)
        circle = {other for other in below if module in graph.find_upstream_modules(other)}
        if circle:
            found.append(circle | {module})
    return found


def needed(arrows: set[Arrow]) -> set[Arrow]:
    """The arrows that no chain of others already tells."""
    below: dict[str, set[str]] = {}
    for a, b in arrows:
        below.setdefault(a, set()).add(b)

    def reaches(room: str, goal: str) -> bool:
        return any(next_ == goal or reaches(next_, goal) for next_ in below.get(room, ()))

    return {(a, b) for a, b in arrows if not any(reaches(c, b) for c in below[a] - {b})}


def picture(of: House) -> str:
    """The floors, top to bottom, as SVG."""
    places = {}
    for height, floor in enumerate(of.floors):
        y = MARGIN + (len(of.floors) - 1 - height) * FLOOR
        step = (WIDTH - 2 * MARGIN) / len(floor)
        for i, room in enumerate(floor):
            places[room] = (MARGIN + step * (i + 0.5), y)
    down = needed(set(of.arrows) - set(of.back_up))
    lines = [_curve(places[a], places[b], "#94a3b8") for a, b in sorted(down)]
    lines += [_curve(places[a], places[b], "#dc2626", up=True) for a, b in sorted(of.back_up)]
    high = 2 * MARGIN + len(of.floors) * FLOOR - 10
    boxes = [_box(room, *places[room]) for room in of.rooms]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" '
            'font-family="Helvetica, Arial, sans-serif">',
            '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#64748b"/></marker>',
            f'<rect width="{WIDTH}" height="{high}" fill="white"/>',
            *lines,
            *boxes,
            *_legend(high - 22),
            "</svg>\n",
        ]
    )


def _curve(
    start: tuple[float, float], end: tuple[float, float], colour: str, *, up: bool = False
) -> str:
    """An arrow from the bottom of one box to the top of another, or back up, dashed."""
    (x, y), (to_x, to_y) = start, end
    y, to_y = (y, to_y + HIGH) if up else (y + HIGH, to_y)
    bend = max(0.45 * abs(to_y - y), 40) * (-1 if up else 1)
    bent = f"{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f}"
    path = f"M{x:.0f} {y:.0f}C{bent} {to_x:.0f} {to_y:.0f}"
    dashes = ' stroke-dasharray="5 4"' if up else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.3"{dashes} '
        'marker-end="url(#tip)"/>'
    )


def _box(room: str, x: float, y: float) -> str:
    wide = 148
    return (
        f'<rect x="{x - wide / 2:.0f}" y="{y}" width="{wide}" height="{HIGH}" rx="7" '
        f'fill="{_colour(room)}" stroke="#475569"/>'
        f'<text x="{x:.0f}" y="{y + 24}" text-anchor="middle" font-size="15" '
        f'font-weight="600">{room}</text>'
    )


def _colour(room: str) -> str:
    return next((c for c, rooms in KINDS.values() if room in rooms), KINDS["whole"][0])


def _legend(y: int) -> list[str]:
    found = []
    for i, (kind, (colour, _)) in enumerate(KINDS.items()):
        x = MARGIN + 150 * i
        found.append(
            f'<rect x="{x}" y="{y - 11}" width="14" height="14" rx="3" fill="{colour}" '
            f'stroke="#475569"/><text x="{x + 20}" y="{y}" font-size="12">{kind}</text>'
        )
    return found


def tables(of: House) -> str:
    """The counts, and what each room is for and imports, as Markdown."""
    counts = (
        f"{len(of.rooms)} rooms (at most {MOST_ROOMS}), {len(of.floors)} floors "
        f"(at most {MOST_FLOORS}), {len(of.arrows)} arrows, {len(of.back_up)} of them not "
        f"downwards, {len(of.circles)} circles of modules."
    )
    rows = ["| floor | room | what it is for | imports |", "|---|---|---|---|"]
    for height in reversed(range(len(of.floors))):
        for room in of.floors[height]:
            down = [f"`{other}`" for other in reversed(of.rooms) if (room, other) in of.arrows]
            rows.append(f"| {height + 1} | `{room}` | {purpose(room)} | {' '.join(down)} |")
    return "\n".join([counts, "", *rows, ""])


def purpose(room: str) -> str:
    """The first line of a room's docstring."""
    text = (PACKAGE / room / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]


def main() -> None:
    of = house()
    rooms, floors = len(of.rooms), len(of.floors)
    if rooms > MOST_ROOMS or floors > MOST_FLOORS:
        most = f"at most {MOST_ROOMS} on {MOST_FLOORS}"
        sys.exit(f"{rooms} rooms on {floors} floors: {most} keep the house easy to walk.")
    page = PAGE.read_text(encoding="utf-8")
    drawn = {PICTURE: picture(of), PAGE: DRAWN.sub(lambda _: tables(of), page)}
    if "--check" not in sys.argv[1:]:
        for file, text in drawn.items():
            file.write_text(text, encoding="utf-8")
        return
    for file, text in drawn.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/{file.name} is not of this code: python docs/draw_architecture.py")


if __name__ == "__main__":
    main()
