"""From records of prompts to estimates, tables and figures, against values worked out by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_tables import example_tables
from scipy import stats

from lm_geometry.aggregate.params import Bootstrap
from lm_geometry.aggregate.prompt_correlations import prompt_correlations
from lm_geometry.aggregate.prompt_figure_rows import prompt_figures
from lm_geometry.aggregate.prompts import COLUMNS, prompt_tables, write_prompt_tables
from lm_geometry.aggregate.tables import read_aggregated
from lm_geometry.embed.prompts import prompt_geometry
from lm_geometry.estimate import prompt_numbers
from lm_geometry.estimate.prompts import estimate_prompts
from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.outs.embed.prompts import (
    PromptCloud,
    PromptRecord,
    PromptRecords,
    write_index,
    write_record,
)
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, rows_where
from lm_geometry.outs.estimate.prompts import (
    RECIPROCITY,
    read_geometry,
    read_reciprocity,
    read_records,
)
from lm_geometry.token_sample.prompts import write_prompt_clouds
from lm_geometry.workspace import paths

RESAMPLING = Bootstrap.model_validate({"draws": 100})
Geometries = dict[tuple[int, int], PromptGeometry]
RECORDS = PromptRecords(
    "tiny", "own", "all", "document", 40, False, ["base"], [3, 8, 20], [0, 2], [0, 2, 5]
)


def _states(prompt: int, shuffle: int) -> np.ndarray:
    states = np.random.default_rng([prompt, shuffle]).normal(size=(3, 40, 6))
    states[:, :, 2 + shuffle :] *= 0.2
    if (prompt, shuffle) == (8, 2):
        states[0] = states[0, :1]  # at layer 0 every token is the same
    return states


@pytest.fixture
def estimated(project: Path) -> Geometries:
    """Three prompts with two shuffles and layers 0, 2, 5, through token-sample and estimate."""
    measured = {}
    for cloud in RECORDS.clouds():
        geometry = prompt_geometry(_states(cloud.prompt, cloud.shuffle), range_max=16, k_max=5)
        measured[cloud.prompt, cloud.shuffle] = geometry
        loss = 2 + cloud.prompt / 100 + cloud.shuffle
        record = PromptRecord(geometry, loss, tokens=40, types=30)
        write_record(paths.PROMPT_NEIGHBOURS / cloud.file, record)
    write_index(RECORDS)
    write_prompt_clouds()
    estimate_prompts()
    return measured


def test_estimates_are_those_of_each_geometry(estimated: Geometries) -> None:
    tables, reciprocity = read_geometry(), read_reciprocity()
    assert read_records() == RECORDS
    for (prompt, shuffle), geometry in estimated.items():
        own = tables.where(prompt=prompt, shuffle=shuffle)
        for name, expected in {
            "dimension": prompt_numbers.dimension(geometry).dimension,
            "overlap": prompt_numbers.consecutive_overlap(geometry),
            "cosine": geometry.mean_cosine,
            "angle": np.degrees(geometry.angle_between_nearest),
        }.items():
            table = getattr(own, name)
            np.testing.assert_allclose(table["value"], np.ravel(expected), rtol=1e-6)
            assert set(table["model"]) == {"tiny"}
            assert set(table["checkpoint"]) == {"base"}
        assert own.dimension["layer"].unique().tolist() == [0, 2, 5]
        error = prompt_numbers.dimension(geometry).error.ravel()
        np.testing.assert_allclose(own.dimension["standard_error"], error, rtol=1e-6)
        assert own.overlap[["layer", "next_layer"]].drop_duplicates().to_numpy().tolist() == [
            [0, 2],
            [2, 5],
        ]
        assert own.loss["value"].tolist() == [2 + prompt / 100 + shuffle]
        mutual: Any = reciprocity[reciprocity["prompt"].eq(prompt)]
        mutual = mutual[mutual["shuffle"] == shuffle]["value"]
        np.testing.assert_array_equal(mutual, prompt_numbers.reciprocity(geometry).ravel())
    lost = rows_where(tables.dimension, prompt=8, shuffle=2, layer=0)
    assert lost["value"].isna().all()


def test_means_are_over_the_prompts_that_have_a_value(estimated: Geometries) -> None:
    found = write_prompt_tables(0.9, RESAMPLING)
    means = read_aggregated("prompt_means")
    pd.testing.assert_frame_equal(means, found["prompt_means"], check_dtype=False)

    def cell(**keys: Any) -> Any:
        rows = means[(means[list(keys)] == pd.Series(keys)).all(axis=1)]
        assert len(rows) == 1
        return rows.iloc[0]

    values = [prompt_numbers.dimension(estimated[n, 2]).dimension[:, 1] for n in (3, 8, 20)]
    at = cell(quantity="dimension", shuffle=2, layer=5, scale=4)
    assert at["mean"] == pytest.approx(np.mean([v[2] for v in values]))
    assert at["standard_deviation"] == pytest.approx(np.std([v[2] for v in values]))
    assert at["prompts"] == 3
    first = cell(quantity="dimension", shuffle=2, layer=0, scale=4)
    assert first["mean"] == pytest.approx(np.mean([values[0][0], values[2][0]]))
    assert first["prompts"] == 2
    shared = [prompt_numbers.overlap(estimated[n, 0], 1, 2)[2] for n in (3, 8, 20)]
    at = cell(quantity="overlap", shuffle=0, layer=2, k=3)
    assert at["mean"] == pytest.approx(np.mean(shared))
    changes: Any = read_aggregated("prompt_changes")
    loss = changes[changes["quantity"] == "loss"].iloc[0]
    assert (loss["shuffle"], loss["against"]) == (2, 0)
    assert loss["mean"] == pytest.approx(2)
    assert loss["share_up"] == 1


def test_peaks_leave_the_embeddings_out(estimated: Geometries) -> None:
    write_prompt_tables(0.95, RESAMPLING)
    peaks: Any = read_aggregated("prompt_peaks").set_index(["shuffle", "scale"])
    for shuffle in (0, 2):
        by_layer = np.mean(
            [prompt_numbers.dimension(estimated[n, shuffle]).dimension[1:, 0] for n in (3, 8, 20)],
            axis=0,
        )
        assert peaks.loc[(shuffle, 2), "layer"] == [2, 5][by_layer.argmax()]
        assert peaks.loc[(shuffle, 2), "mean"] == pytest.approx(by_layer.max())
    shuffles: Any = read_aggregated("prompt_shuffles").set_index("shuffle")
    assert shuffles.loc[2, "loss"] - shuffles.loc[0, "loss"] == pytest.approx(2)


def test_figures_show_the_means_and_their_spread(estimated: Geometries) -> None:
    tables = write_prompt_tables(0.95, RESAMPLING)
    figures = dict(prompt_figures(tables, RECORDS, "40", "Tiny"))
    assert set(figures) == {
        f"prompt_{n}" for n in ("correlation", *["dimension", "scales", "similarity"])
    }
    few = "3 prompts with a loss; a correlation needs 10"
    assert [row["message"] for row in figures["prompt_correlation"]] == [few]
    rows = figures["prompt_dimension"]
    assert len(rows) == 2 * 2 * 4  # shuffles, layers from 1 on, scales
    row = next(r for r in rows if (r["shuffle"], r["layer"], r["scale"]) == (2, 5, 4))
    values = [prompt_numbers.dimension(estimated[n, 2]).dimension[2, 1] for n in (3, 8, 20)]
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["upper"] - row["mean"] == pytest.approx(np.std(values))
    assert row["settings"] == "Tiny · 3 prompts of own · 40 tokens each"
    quantities = dict.fromkeys(r["quantity"] for r in figures["prompt_similarity"])
    assert list(quantities) == [
        "overlap with the next layer, k = 1",
        "overlap with the next layer, k = 4",
        "overlap with the next layer, k = 5",
        "mean cosine of all pairs",
        "angle between the two nearest (degrees)",
        "reciprocity, k = 5",
    ]


def test_without_prompts_every_table_has_its_columns_and_every_figure_says_so(
    project: Path,
) -> None:
    reason = "data_prep.prompts.count is 0"
    write_index(replace(RECORDS, prompts=[], nothing=reason))
    write_prompt_clouds()
    estimate_prompts()
    tables = write_prompt_tables(0.95, RESAMPLING)
    for name, columns in COLUMNS.items():
        assert list(read_aggregated(name)) == columns
        assert len(tables[name]) == 0
    for _, rows in prompt_figures(tables, read_records(), "base", "Tiny"):
        assert [row["message"] for row in rows] == [reason]


def test_one_prompt_and_clouds_without_any_value_are_no_error(project: Path) -> None:
    one = replace(RECORDS, prompts=[3], shuffles=[0])
    states = np.ones((3, 40, 6))
    record = PromptRecord(prompt_geometry(states, range_max=16, k_max=5), np.nan, 40, 1)
    write_record(paths.PROMPT_NEIGHBOURS / PromptCloud("base", 3, 0).file, record)
    write_index(one)
    write_prompt_clouds()
    estimate_prompts()
    tables = write_prompt_tables(0.95, RESAMPLING)
    assert "dimension" not in set(tables["prompt_means"]["quantity"])
    figures = dict(prompt_figures(tables, one, "base", "Tiny"))
    assert figures["prompt_dimension"][0]["message"] == "no values"


MANY = replace(RECORDS, tokens=1024, prompts=[*range(100, 112)], shuffles=[0, 5], layers=[1, 2, 3])


@pytest.fixture(scope="module")
def correlated() -> tuple[GeometryTables, pd.DataFrame]:
    """Made-up tables of twelve prompts with their correlations; one value is missing."""
    made = example_tables(prompts=12, layers=3).where(model="made-up A", shuffle=[0, 5])
    run = {"model": "tiny", "checkpoint": "base", "corpus": "own", "split": "all"}
    tables = GeometryTables(**{n: t.assign(**run) for n, t in vars(made).items()})
    hole: Any = tables.dimension
    at = (hole["prompt"] == 104) & (hole["layer"] == 2) & (hole["shuffle"] == 5)
    hole.loc[at, "value"] = np.nan
    return tables, prompt_correlations(tables, RESAMPLING, 0.9)


def test_correlations_with_the_loss_are_scipys_within_each_shuffle_and_pooled(
    correlated: tuple[GeometryTables, pd.DataFrame],
) -> None:
    tables, found = correlated
    assert list(found.columns) == COLUMNS["prompt_correlations"]
    sizes = {"dimension": 8 * 3, "overlap": 6 * 2, "cosine": 3, "angle": 3}
    counts: Any = found["quantity"].value_counts()
    # three samples, two methods, with and without the types held fixed
    assert counts.to_dict() == {name: 12 * cells for name, cells in sizes.items()}
    keys = {"quantity": "dimension", "layer": 2, "scale": 4, "given": ""}
    merged = rows_where(tables.dimension, layer=2, scale=4).merge(
        tables.loss, on=["prompt", "shuffle"]
    )
    for shuffle in (-1, 0, 5):
        own = merged.dropna() if shuffle < 0 else merged[merged["shuffle"] == shuffle].dropna()
        for method, by_scipy in {"pearson": stats.pearsonr, "spearman": stats.spearmanr}.items():
            (row,) = rows_where(found, **keys, shuffle=shuffle, method=method).to_dict("records")
            assert row["value"] == pytest.approx(by_scipy(own["value_x"], own["value_y"])[0])
            assert row["lower"] < row["value"] < row["upper"]
            assert row["rows"] == {-1: 23, 0: 12, 5: 11}[shuffle]
            assert row["missing"] == ""
    partial: Any = rows_where(found, **keys | {"given": "types"}, shuffle=0, method="pearson")
    own = merged[merged["shuffle"] == 0]
    a, b = (np.polyfit(own["types"], own[n], 1) for n in ("value_x", "value_y"))
    left = own["value_x"] - np.polyval(a, own["types"])
    right = own["value_y"] - np.polyval(b, own["types"])
    assert partial["value"].item() == pytest.approx(stats.pearsonr(left, right)[0])


def test_too_few_prompts_give_a_reason_and_no_value(
    correlated: tuple[GeometryTables, pd.DataFrame],
) -> None:
    tables, _ = correlated
    without = tables.loss.copy()
    without.loc[without["shuffle"] == 5, "value"] = np.nan
    found = prompt_correlations(replace(tables, loss=without), RESAMPLING, 0.9)
    shuffled: Any = rows_where(found, shuffle=5)
    assert shuffled["missing"].tolist() == ["0 prompts with a loss; a correlation needs 10"] * 4
    assert shuffled["layer"].isna().all()
    of_text: Any = rows_where(found, shuffle=0)
    constant = of_text["quantity"] == "angle"  # 68 degrees in every made-up text
    assert set(of_text[~constant]["missing"]) == {""}
    assert set(of_text[constant]["missing"]) == {"nothing varies"}
    assert -1 not in set(found["shuffle"])
    holes = tables.cosine.copy()
    few = holes["prompt"].between(100, 102)
    holes.loc[few & (holes["layer"] == 2), "value"] = np.nan
    found = prompt_correlations(replace(tables, cosine=holes), RESAMPLING, 0.9)
    at: Any = rows_where(found, quantity="cosine", layer=2, shuffle=0)
    assert at["value"].isna().all()
    assert set(at["missing"]) == {"9 prompts with a value; a correlation needs 10"}


def test_the_figure_of_correlations_shows_the_table(
    correlated: tuple[GeometryTables, pd.DataFrame],
) -> None:
    tables = prompt_tables(correlated[0], no_reciprocity(), 0.9)
    tables["prompt_correlations"] = correlated[1]
    rows = dict(prompt_figures(tables, MANY, "base", "Tiny"))["prompt_correlation"]
    quantities = dict.fromkeys(row["quantity"] for row in rows)
    overlap = "overlap with the next layer, k = 8"
    assert list(quantities) == [
        *(f"dimension, scale {scale}" for scale in (2, 4, 8)),
        *(overlap, "mean cosine"),
    ]
    keys = {"quantity": "overlap", "k": 8, "layer": 1, "shuffle": -1, "method": "spearman"}
    (row,) = rows_where(correlated[1], **keys, given="").to_dict("records")
    shown = [
        r
        for r in rows
        if (r["quantity"], r["layer"], r["shuffle"]) == (overlap, 1, -1)
        and (r["method"], r["given"]) == ("spearman", "")
    ]
    assert [r["correlation"] for r in shown] == [row["value"]]


def no_reciprocity() -> pd.DataFrame:
    return pd.DataFrame(columns=RECIPROCITY)
