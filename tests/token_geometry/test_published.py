"""The tables of the paper's 50 shuffled prompts, from its published arrays, digit by digit.

The folder with the arrays is named by LM_GEOMETRY_REFERENCE; the numbers in
tests/published_token_geometry were computed from the same arrays by other code, and are compared
as they are printed, four digits each.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.data_prep.prompts.draw import draw
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, rows_where
from lm_geometry.token_geometry.correlation import fisher_interval
from lm_geometry.token_geometry.loss_correlations import POOLED, best_cells, loss_correlations
from lm_geometry.token_geometry.means import means, paired_changes, peaks
from lm_geometry.token_geometry.published import read_reference
from lm_geometry.token_geometry.shuffles import shuffle_table

FOLDER = Path(os.environ.get("LM_GEOMETRY_REFERENCE", "")) / "reference" / "token_geometry"
PRINTED = Path(__file__).parent / "published"
MODEL_SCALE = ["model", "scale"]

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


def printed(name: str, keys: list[str]) -> pd.DataFrame:
    """A printed table, its numbers as text, indexed by `keys`."""
    table = pd.read_csv(PRINTED / f"{name}.csv", dtype=str, keep_default_na=False)
    return table.set_index(pd.MultiIndex.from_frame(table[keys])).drop(columns=keys)


def assert_printed(ours: pd.DataFrame, expected: pd.DataFrame, digits: str = ".4g") -> None:
    """Every number of ours, written with as many digits, is the printed one."""
    assert len(ours) == len(expected)
    ours = ours.set_index([ours[name].astype(str) for name in expected.index.names])
    for column in expected.columns:
        for key, text in expected[column].items():
            value = ours.loc[key, column]
            # The printed tables were kept with six digits before they were printed with four.
            rounded = f"{float(f'{value:.6g}'):{digits}}"
            assert float(rounded) == float(text), (key, column, value, text)


def test_mean_dimension_by_layer_and_scale(structured: GeometryTables) -> None:
    assert_printed(means(structured.dimension), printed("means", ["model", "layer", "scale"]))


def test_peaks(structured: GeometryTables) -> None:
    assert_printed(peaks(structured.dimension), printed("peaks", MODEL_SCALE))


def test_correlations_of_dimension_with_loss(structured: GeometryTables) -> None:
    dimension = rows_where(structured.dimension, scale=[2, 4])
    methods = ("pearson", "pearson_log", "spearman")
    ours = pd.concat([loss_correlations(dimension, structured.loss, m, draws=2) for m in methods])
    assert_printed(ours, printed("correlations", ["model", "layer", "scale", "method"]))


def test_largest_correlations_at_every_scale(structured: GeometryTables) -> None:
    expected = printed("best_correlations", ["model", "scale", "method"])
    methods = ("pearson", "pearson_log", "spearman")
    found = [
        best_cells(loss_correlations(structured.dimension, structured.loss, m, draws=2))
        for m in methods
    ]
    ours = pd.concat(found)
    assert_printed(ours, expected[["layer", "value"]])
    pearson = expected[expected["lower"] != ""]
    bounds = rows_where(ours, method="pearson")
    intervals = [fisher_interval(value, 50) for value in bounds["value"]]
    bounds[["lower", "upper"]] = intervals
    assert_printed(bounds, pearson[["lower", "upper"]], ".3f")


def test_what_shuffling_does(tables: GeometryTables) -> None:
    ours = shuffle_table(tables).rename(
        columns={"loss_deviation": "loss_sd", "overlap_at_peak": "overlap_1_at_peak"}
    )
    final = means(rows_where(tables.cosine, layer=[31, 32])).set_index(["model", "shuffle"])
    for layer in (31, 32):
        at = final[final["layer"] == layer]["mean"]
        ours[f"cosine_{layer}"] = at.loc[
            list(zip(ours["model"], ours["shuffle"], strict=True))
        ].array
    expected = printed("shuffles", ["model", "shuffle"]).drop(columns="block")
    assert set(expected.columns) <= set(ours.columns)
    assert_printed(ours, expected)


def test_correlations_within_a_shuffle_and_over_all(tables: GeometryTables) -> None:
    dimension = rows_where(tables.dimension, scale=[2, 4])
    within = loss_correlations(dimension, tables.loss, draws=2)
    pooled = loss_correlations(dimension, tables.loss, draws=2, pooled=True)
    assert set(pooled["rows"]) == {300}
    assert set(pooled["prompts"]) == {50}
    ours = best_cells(pd.concat([within, pooled], ignore_index=True))
    ours["shuffle"] = ours["shuffle"].replace({POOLED: "pooled"})
    expected = printed("within_shuffles", ["model", "scale", "shuffle"])
    assert_printed(ours, expected[["layer"]])
    assert_printed(ours, expected[["value"]], ".3f")


@pytest.mark.parametrize(
    ("model", "scale", "layer", "change", "share"),
    [
        ("Llama-3-8B", 2, 13, 2.921, 0.98),
        ("Mistral-7B", 2, 14, 5.174, 1.00),
        ("Llama-3-8B", 4, 15, 1.046, 0.78),
        ("Mistral-7B", 4, 14, 4.727, 1.00),
    ],
)
def test_change_of_each_prompt_at_the_unshuffled_peak(
    model: str, scale: int, layer: int, change: float, share: float, tables: GeometryTables
) -> None:
    found = paired_changes(tables.dimension, 5)
    row = rows_where(found, model=model, scale=scale, layer=layer).iloc[0]
    assert round(row["mean"], 3) == change
    assert row["share_up"] == share
    assert row["lower"] > 0


def test_the_errors_tell_how_many_points_a_cloud_had(tables: GeometryTables) -> None:
    points = tables.dimension.groupby("model")["points"]
    assert points.min().to_dict() == {"Llama-3-8B": 1024, "Mistral-7B": 1021}
    assert points.max().eq(1024).all()
    fewer = tables.dimension[tables.dimension["points"] < 1024]
    assert fewer[["prompt", "shuffle"]].drop_duplicates().shape[0] == 4
    assert fewer["shuffle"].min() >= 2


def test_the_structured_prompts_are_the_seed_42_draw() -> None:
    every = np.load(FOLDER / "filtered_indices.npy")
    np.testing.assert_array_equal(draw(every, 50, 42), np.load(FOLDER / "subset_indices.npy"))
