"""What docs/token-geometry.md says of the published arrays beyond the tables, number by number.

The folder with the arrays is named by LM_GEOMETRY_REFERENCE. The tables behind the page are in
tests/token_geometry/test_published.py.
"""

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lm_geometry.outs.estimate.prompt_tables import GeometryTables, rows_where
from lm_geometry.token_geometry.loss_correlations import best_cells, loss_correlations
from lm_geometry.token_geometry.means import means, paired_changes
from lm_geometry.token_geometry.published import read_reference

FOLDER = Path(os.environ.get("LM_GEOMETRY_REFERENCE", "")) / "reference" / "token_geometry"
LLAMA, MISTRAL = "Llama-3-8B", "Mistral-7B"

pytestmark = pytest.mark.skipif(
    not os.environ.get("LM_GEOMETRY_REFERENCE"),
    reason="LM_GEOMETRY_REFERENCE does not name the folder of published arrays",
)


@pytest.fixture(scope="module")
def tables() -> GeometryTables:
    return read_reference(FOLDER)


@pytest.fixture(scope="module")
def structured(tables: GeometryTables) -> GeometryTables:
    return tables.where(shuffle=0)


@pytest.fixture(scope="module")
def shuffled(tables: GeometryTables) -> pd.DataFrame:
    return paired_changes(tables.dimension, 5)


def layers_of(*ranges: tuple[int, int]) -> list[int]:
    return [layer for first, last in ranges for layer in range(first, last + 1)]


@pytest.mark.parametrize(
    ("model", "scale", "up", "down"),
    [
        (LLAMA, 2, [(1, 16)], [(20, 30)]),
        (MISTRAL, 2, [(1, 28), (30, 32)], []),
        (LLAMA, 4, [(1, 16)], [(17, 31)]),
        (MISTRAL, 4, [(1, 19)], [(21, 31)]),
        (LLAMA, 32, [(1, 2)], [(4, 32)]),
        (MISTRAL, 32, [(1, 5)], [(11, 11), (13, 32)]),
    ],
)
def test_layers_where_full_shuffling_moves_the_dimension(
    model: str,
    scale: int,
    up: list[tuple[int, int]],
    down: list[tuple[int, int]],
    shuffled: pd.DataFrame,
) -> None:
    rows = rows_where(shuffled, model=model, scale=scale)
    assert rows[rows["lower"] > 0]["layer"].tolist() == layers_of(*up)
    assert rows[rows["upper"] < 0]["layer"].tolist() == layers_of(*down)


def test_at_scales_from_16_most_layers_have_the_lower_dimension(shuffled: pd.DataFrame) -> None:
    for model in (LLAMA, MISTRAL):
        for scale in (16, 32, 64, 128, 256):
            rows = rows_where(shuffled, model=model, scale=scale)
            assert (rows["upper"] < 0).sum() > len(rows) / 2


@pytest.mark.parametrize(("model", "first", "largest"), [(LLAMA, 23, 0.577), (MISTRAL, 22, 0.522)])
def test_the_cosine_rises_with_every_shuffle_in_late_layers_alone(
    model: str, first: int, largest: float, tables: GeometryTables
) -> None:
    found = rows_where(means(tables.cosine), model=model)
    by_layer = found.pivot(index="layer", columns="shuffle", values="mean")
    rising = (by_layer.diff(axis=1).iloc[:, 1:] > 0).all(axis=1)
    assert rising[rising].index.tolist() == layers_of((first, 32))
    changes = rows_where(paired_changes(tables.cosine, 5), model=model)
    change: Any = changes.set_index("layer")["mean"]
    assert change.idxmax() == 32
    assert round(change[32], 3) == largest
    if model == MISTRAL:
        assert round(change[2], 3) == -0.005


def test_overlap_around_the_peak(tables: GeometryTables) -> None:
    found = paired_changes(rows_where(tables.overlap, k=1), 5).set_index(["model", "layer"])
    at_peak = found.loc[(LLAMA, 13)]
    interval = [round(at_peak[name], 3) for name in ("mean", "lower", "upper")]
    assert interval == [0.004, -0.003, 0.012]
    lower = [layer for layer in (7, 12, 13, 14, 15) if found.loc[(LLAMA, layer)]["upper"] < 0]
    assert lower == [12, 14]
    assert found.loc[(MISTRAL, 14)]["upper"] < 0


def test_where_dimension_and_loss_do_not_correlate(structured: GeometryTables) -> None:
    dimension = rows_where(structured.dimension, scale=[2, 4, 8])
    found = loss_correlations(dimension, structured.loss, draws=1000)
    weak = found[found["p_value"] >= 0.01]
    assert weak[["model", "scale", "layer"]].to_numpy().tolist() == [[LLAMA, 2, 32]]
    assert round(weak["p_value"].iloc[0], 3) == 0.016
    assert [round(weak[name].iloc[0], 2) for name in ("lower", "upper")] == [-0.10, 0.67]
    best = rows_where(best_cells(found), scale=2).set_index("model")[["lower", "upper"]].round(2)
    assert best.loc[LLAMA].tolist() == [0.65, 0.87]
    assert best.loc[MISTRAL].tolist() == [0.62, 0.86]


@pytest.mark.parametrize(
    ("model", "overlap", "cosine"),
    [(LLAMA, (-0.790, 21), (0.547, 30)), (MISTRAL, (-0.803, 3), (-0.652, 2))],
)
def test_other_numbers_tell_the_loss_as_well(
    model: str,
    overlap: tuple[float, int],
    cosine: tuple[float, int],
    structured: GeometryTables,
) -> None:
    of_eight = rows_where(structured.overlap, k=8)
    for values, (expected, layer) in ((of_eight, overlap), (structured.cosine, cosine)):
        best = rows_where(
            best_cells(loss_correlations(values, structured.loss, draws=2)), model=model
        ).iloc[0]
        assert (round(best["value"], 3), best["layer"]) == (expected, layer)
