"""Figures of token geometry: lines, bands and panels are what the tables say."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import vl_convert
from made_up_tables import example_tables

from lm_geometry.figures.export import vega_lite_version
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, rows_where
from lm_geometry.studies.figures import token_geometry_by_layer as by_layer
from lm_geometry.studies.figures import token_geometry_correlation as correlation
from lm_geometry.token_geometry.loss_correlations import loss_correlations
from lm_geometry.token_geometry.means import means


@pytest.fixture(scope="module")
def tables() -> GeometryTables:
    return example_tables(prompts=7, layers=6).where(model="made-up A")


def _marks(chart: Any) -> list[dict[str, Any]]:
    """Every mark that Vega draws: its kind, its role, its items."""
    drawn = vl_convert.vegalite_to_scenegraph(chart.to_dict(), vl_version=vega_lite_version())
    return list(_walk(drawn["scenegraph"]))


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for child in node.get("items", []):
        if isinstance(child, dict) and node.get("marktype") in (None, "group"):
            yield from _walk(child)
    if "marktype" in node:
        yield node


def _count(marks: list[dict[str, Any]], kind: str) -> int:
    return sum(m["marktype"] == kind and m["role"] == "mark" and bool(m["items"]) for m in marks)


def _records(chart: Any) -> list[dict[str, Any]]:
    specification = chart.to_dict()
    found = []
    for part in specification["vconcat"]:
        data = part.get("data") or specification["data"]
        found += data.get("values") or specification["datasets"][data["name"]]
    return found


def test_bands_are_the_spread_of_their_own_prompts(tables: GeometryTables) -> None:
    two = rows_where(tables.dimension, scale=[2, 8])
    drawn = by_layer.chart(
        two, means(two), 103, "dimension", "shuffle", "title", rows="scale", banded=[0, 5]
    )
    records = _records(drawn)
    assert len(records) == 2 * 2 * 6 * 6  # sides, scales, shuffles, layers
    banded = [record for record in records if record["lower"] is not None]
    assert {record["series"] for record in banded} == {"S = 0: 1 block", "S = 5: 1,024 blocks"}
    for record in banded:
        at = {"shuffle": record["shuffle"], "layer": record["layer"], "scale": record["scale"]}
        values = rows_where(two, **at)["value"].to_numpy()
        expected = np.mean(values) - np.std(values), np.mean(values) + np.std(values)
        assert (record["lower"], record["upper"]) == pytest.approx(expected)
        assert record["panel"] == f"mean of 7 prompts, scale {at['scale']}"
    one = [record for record in records if record["panel"] == "prompt 103, scale 8"]
    own = rows_where(two, prompt=103, scale=8)
    assert {(r["shuffle"], r["layer"]): r["value"] for r in one} == {
        (row.shuffle, row.layer): row.value for row in own.itertuples()
    }


def test_a_line_for_each_series_in_each_panel(tables: GeometryTables) -> None:
    two = rows_where(tables.dimension, scale=[2, 8])
    marks = _marks(
        by_layer.chart(
            two, means(two), 103, "dimension", "shuffle", "title", rows="scale", banded=[0, 5]
        )
    )
    assert _count(marks, "line") == 4 * 6
    smallest = rows_where(two, scale=2, prompt=[100, 101, 102])
    assert _count(_marks(by_layer.prompts(smallest, "dimension", "shuffle", "six")), "line") == 18


def test_models_stand_side_by_side() -> None:
    both = rows_where(example_tables(prompts=4, layers=5).dimension, scale=2)
    drawn = by_layer.models(both, means(both), 100, "dimension", "title", banded=[0])
    panels = list(dict.fromkeys(record["panel"] for record in _records(drawn)))
    sides = ("prompt 100", "mean of 4 prompts")
    assert panels == [f"made-up {m}, {side}" for side in sides for m in "AB"]
    assert _count(_marks(drawn), "line") == 4 * 6


def test_correlations_are_drawn_with_their_intervals(tables: GeometryTables) -> None:
    found = loss_correlations(rows_where(tables.dimension, scale=[2, 4]), tables.loss, draws=60)
    drawn = correlation.chart(found, "shuffle", ["method", "scale"], "title")
    records = _records(drawn)
    assert {record["panel"] for record in records} == {"Pearson, scale 2", "Pearson, scale 4"}
    for record, row in zip(records, found.itertuples(), strict=True):
        assert (record["value"], record["lower"]) == pytest.approx((row.value, row.lower))
    assert _count(_marks(drawn), "line") == 2 * 6
    assert _count(_marks(drawn), "area") == 2 * 6


def test_the_scatter_has_a_point_for_each_prompt(tables: GeometryTables) -> None:
    at = rows_where(tables.dimension, shuffle=0, scale=2, layer=3).assign(panel="layer 3")
    loss = tables.loss.rename(columns={"value": "loss"})
    pairs = at.merge(loss, on=["model", "prompt", "shuffle"])
    marks = _marks(correlation.scatter(pairs, "dimension", "model", "title"))
    points = [m for m in marks if m["marktype"] == "symbol" and m["role"] == "mark"]
    assert sum(len(mark["items"]) for mark in points) == 7
    assert _count(marks, "line") == 1


def test_a_prompt_that_is_not_there_is_told(tables: GeometryTables) -> None:
    with pytest.raises(ValueError, match="prompt: 3218 is not in the table; there are 100, 101"):
        by_layer.chart(tables.cosine, means(tables.cosine), 3218, "cosine", "shuffle", "title")
