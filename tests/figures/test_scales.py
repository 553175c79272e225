"""The figure of one cloud draws every reading, and says whether there is a plateau."""

from typing import Any

import pytest

from lm_geometry.figures.scales import scales_chart

KEYS = ("method", "neighbours", "tokens", "scale", "dimension", "error")
NAN = float("nan")
READINGS = [
    dict(zip(KEYS, row, strict=True))
    for kind, level in (("all", 9.0), ("of other groups", 12.0))
    for row in (
        ("gride", kind, 800, 2, level, 0.2),
        ("gride", kind, 800, 4, level + 1, 0.1),
        ("twonn", kind, 800, 2, level, NAN),
        ("twonn", kind, 400, 2, level + 2, 0.3),
        ("local", kind, 800, 128, level, NAN),
        ("local", kind, 400, 128, level, 0.3),
    )
]
PLATEAU = {"neighbours": "of other groups", "first": 2, "last": 64, "lowest": 15.0, "highest": 16.7}


def records(chart: dict[str, Any], panel: int, layer: int) -> list[dict[str, Any]]:
    whole = chart["hconcat"][panel]
    data = whole["layer"][layer].get("data") or whole["data"]  # Altair lifts what layers share
    return data["values"] if "values" in data else chart["datasets"][data["name"]]


def test_it_says_where_each_kind_of_neighbours_is_level() -> None:
    chart = scales_chart(READINGS, [PLATEAU]).to_dict()
    assert chart["title"]["subtitle"] == [
        "Neighbours all: no plateau, the dimension depends on the scale. "
        "GRIDE reads 9.0 at scale 2.",
        "Neighbours of other groups: level from scale 2 to 64, 15.0 to 16.7. "
        "GRIDE reads 12.0 at scale 2.",
    ]
    assert records(chart, 0, 0) == [PLATEAU]


def test_every_reading_is_drawn_where_it_belongs() -> None:
    chart = scales_chart(READINGS, []).to_dict()
    left, right = records(chart, 0, 1), records(chart, 1, 0)
    assert sorted(row["rank"] for row in left if row["neighbours"] == "all") == [2, 2, 4, 4]
    assert {(row["tokens"], row["rank"]) for row in left} == {(800, 2), (800, 4), (400, 4)}
    assert [row["dimension"] for row in right if row["neighbours"] == "all"] == [9.0, 9.0]
    assert [row["tokens"] for row in right if row["neighbours"] == "all"] == [800, 400]
    assert [row["lower"] for row in right if row["neighbours"] == "all"] == [None, 8.7]
    [first] = [row for row in left if row["series"].startswith("TwoNN") and row["dimension"] == 11]
    assert (first["lower"], first["upper"]) == (10.7, 11.3)


def test_no_reading_is_no_figure() -> None:
    with pytest.raises(ValueError, match="readings: none"):
        scales_chart([], [])
