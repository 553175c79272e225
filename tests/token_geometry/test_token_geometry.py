"""The analysis of token geometry: against scipy, against resampling by hand, on planted tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_tables import example_tables
from scipy import stats

from lm_geometry.embed.prompts import prompt_geometry
from lm_geometry.estimate import prompt_numbers
from lm_geometry.estimate.prompt_rows import measured_tables
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, read_tables, rows_where
from lm_geometry.token_geometry.correlation import fisher_interval, p_value, resampled_correlations
from lm_geometry.token_geometry.loss_correlations import POOLED, best_cells, loss_correlations
from lm_geometry.token_geometry.means import layer_means, means, paired_changes, peaks
from lm_geometry.token_geometry.published import read_published
from lm_geometry.token_geometry.shuffles import shuffle_table

NOTHING = np.empty((40, 0))


@pytest.fixture(scope="module")
def tables() -> GeometryTables:
    return example_tables(prompts=9, layers=6)


def _pairs(seed: int = 0, rows: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two numbers and two others that both depend on, with ties in the first."""
    generator = np.random.default_rng(seed)
    fixed = generator.normal(size=(rows, 2))
    x = np.round(3 + fixed @ [0.4, 0.2] + 0.3 * generator.normal(size=rows), 1) + 5
    y = fixed @ [0.5, -0.3] + 0.4 * x + generator.normal(size=rows)
    return x, y, fixed


def _residuals(values: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(values)), fixed])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


@pytest.mark.parametrize("method", ["pearson", "pearson_log", "spearman"])
def test_correlations_and_their_resamples_are_scipys(method: str) -> None:
    x, y, fixed = _pairs()
    drawn = np.random.default_rng(1).integers(40, size=(20, 40))
    counts = np.stack([np.ones(40), *(np.bincount(d, minlength=40) for d in drawn)], axis=1)

    def scipys(rows: np.ndarray, given: bool) -> float:
        a, b, c = (np.log(x) if method == "pearson_log" else x)[rows], y[rows], fixed[rows]
        if method == "spearman":
            a, b = stats.rankdata(a), stats.rankdata(b)
            c = stats.rankdata(c, axis=0)
        if given:
            a, b = _residuals(a, c), _residuals(b, c)
        return float(stats.pearsonr(a, b).statistic)

    for given in (False, True):
        held = fixed if given else NOTHING
        found = resampled_correlations(x, y, held, counts, method)
        expected = [scipys(rows, given) for rows in (np.arange(40), *drawn)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_p_values_and_fisher_intervals_are_scipys() -> None:
    x, y, _ = _pairs()
    theirs = stats.pearsonr(x, y)
    assert p_value(float(theirs.statistic), 40, 0) == pytest.approx(theirs.pvalue, rel=1e-9)
    bounds = theirs.confidence_interval(0.9)
    ours = fisher_interval(float(theirs.statistic), 40, confidence=0.9)
    assert ours == pytest.approx((bounds.low, bounds.high), rel=1e-12)


@pytest.mark.parametrize("side", ["x", "y"])
def test_what_does_not_vary_has_no_correlation(side: str) -> None:
    x, y, _ = _pairs()
    constant = np.full(40, 0.1)
    pair = (constant, y) if side == "x" else (x, constant)
    for method in ("pearson", "spearman"):
        assert np.isnan(resampled_correlations(*pair, NOTHING, np.ones((40, 1)), method)).all()
    assert np.isnan(p_value(float("nan"), 40, 0))


def test_wrong_methods_and_logarithms_of_zero_are_refused() -> None:
    x, y, _ = _pairs()
    with pytest.raises(ValueError, match="'kendal' is unknown; there are pearson"):
        resampled_correlations(x, y, NOTHING, np.ones((40, 1)), "kendal")
    with pytest.raises(ValueError, match="pearson_log needs positive values; the smallest is 0"):
        resampled_correlations(x - x.min(), y, NOTHING, np.ones((40, 1)), "pearson_log")


def test_a_correlation_that_goes_through_the_types_vanishes_when_they_are_fixed() -> None:
    generator = np.random.default_rng(3)
    keys = pd.MultiIndex.from_product(
        [["m"], range(400), [0]], names=["model", "prompt", "shuffle"]
    )
    types = generator.normal(size=400)
    losses = keys.to_frame(index=False).assign(
        value=types + 0.5 * generator.normal(size=400), types=types, tokens=1024
    )
    values = keys.to_frame(index=False).assign(
        layer=1, value=types + 0.5 * generator.normal(size=400)
    )
    plain = loss_correlations(values, losses).iloc[0]
    partial = loss_correlations(values, losses, given=["tokens", "types"]).iloc[0]
    assert plain["value"] > 0.7
    assert plain["lower"] > 0.6
    assert partial["given"] == "types"  # every prompt has 1,024 tokens
    assert abs(partial["value"]) < 0.12
    assert partial["lower"] < 0 < partial["upper"]
    assert partial["p_value"] > 0.01


def test_correlations_are_those_of_each_shuffle_or_of_all(tables: GeometryTables) -> None:
    two = rows_where(tables.dimension, scale=[2, 8])
    within = loss_correlations(two, tables.loss, draws=50)
    assert len(within) == 2 * 6 * 6 * 2
    row = rows_where(within, model="made-up A", shuffle=3, layer=2, scale=8).iloc[0]
    cell = {"model": "made-up A", "shuffle": 3}
    x = rows_where(two, **cell, layer=2, scale=8).sort_values("prompt")["value"]
    y = rows_where(tables.loss, **cell).sort_values("prompt")["value"]
    assert row["value"] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    pooled = loss_correlations(two, tables.loss, draws=50, pooled=True)
    row = rows_where(pooled, model="made-up A", layer=2, scale=8).iloc[0]
    every = rows_where(two, model="made-up A", layer=2, scale=8).merge(
        tables.loss, on=["model", "prompt", "shuffle"]
    )
    expected = stats.pearsonr(every["value_x"], every["value_y"]).statistic
    assert row["value"] == pytest.approx(expected, abs=1e-12)
    assert (row["shuffle"], row["prompts"], row["rows"]) == (POOLED, 9, 54)
    assert np.isnan(row["p_value"])


def test_pooled_intervals_resample_prompts_and_not_their_versions() -> None:
    # Six copies of each prompt are no more evidence than one.
    generator = np.random.default_rng(0)
    one = pd.DataFrame({"model": "m", "prompt": range(30), "shuffle": 0, "layer": 1})
    one["value"] = generator.normal(size=30)
    loss = one.drop(columns="layer").assign(value=one["value"] + generator.normal(size=30))
    copies = pd.concat([one.assign(shuffle=s) for s in range(6)])
    losses = pd.concat([loss.assign(shuffle=s) for s in range(6)])
    single = loss_correlations(one, loss).iloc[0]
    six = loss_correlations(copies, losses, pooled=True).iloc[0]
    for name in ("value", "lower", "upper"):
        assert six[name] == pytest.approx(single[name], abs=1e-12)


def test_prompts_without_a_value_are_left_out(tables: GeometryTables) -> None:
    cosine = rows_where(tables.cosine, model="made-up A", shuffle=0, layer=1)
    holes = cosine.copy()
    holes.loc[[0, 4], "value"] = np.nan
    found = loss_correlations(holes, tables.loss, draws=20).iloc[0]
    there = loss_correlations(holes.dropna(), tables.loss, draws=20).iloc[0]
    assert found["prompts"] == 7
    assert found["value"] == pytest.approx(there["value"])
    row = means(holes).iloc[0]
    assert row["prompts"] == 7
    assert row["mean"] == pytest.approx(holes["value"].mean())
    empty = loss_correlations(cosine.assign(value=np.nan), tables.loss, draws=20)
    assert empty[["value", "lower", "upper"]].isna().all(axis=None)
    assert best_cells(empty).empty


def test_losses_must_be_there(tables: GeometryTables) -> None:
    other = rows_where(tables.loss, model="made-up B")
    with pytest.raises(ValueError, match=r"losses: there are none for .*made-up A"):
        loss_correlations(tables.cosine, other, draws=2)
    with pytest.raises(ValueError, match="losses: there are several for one model, prompt"):
        loss_correlations(tables.cosine, tables.loss.assign(model="made-up A"), draws=2)
    with pytest.raises(ValueError, match=r"given: the losses have no column \['length'\]"):
        loss_correlations(tables.cosine, tables.loss, given=["length"])


def _planted(values: dict[tuple[int, int], list[float]]) -> Any:
    """A table of one model from lists over layers 1 …, by (prompt, shuffle)."""
    rows = [
        {"model": "m", "prompt": p, "shuffle": s, "layer": layer + 1, "scale": 2, "value": value}
        for (p, s), line in values.items()
        for layer, value in enumerate(line)
    ]
    return pd.DataFrame(rows).assign(standard_error=0.1)


def test_means_peaks_and_changes_of_a_planted_table() -> None:
    table = _planted({(0, 0): [1, 5, 2], (1, 0): [3, 3, 8], (0, 5): [4, 6, 2], (1, 5): [5, 5, 5]})
    found: Any = means(table)
    assert found[found["shuffle"] == 0]["mean"].tolist() == [2, 4, 5]
    row = rows_where(found, shuffle=0, layer=3).iloc[0]
    assert (row["standard_deviation"], row["prompts"]) == (3, 2)
    interval = stats.t.interval(0.95, 1, loc=5, scale=stats.sem([2, 8]))
    assert (row["lower"], row["upper"]) == pytest.approx(interval)
    top = rows_where(peaks(table), shuffle=0).iloc[0]
    assert (top["layer"], top["mean"], top["mean_of_peaks"]) == (3, 5, 6.5)
    assert (top["median_layer"], top["first"], top["last"]) == (2.5, 2, 5)
    changes = paired_changes(table, 5)
    assert changes["mean"].tolist() == [2.5, 1.5, -1.5]
    assert changes["share_up"].tolist() == [1, 1, 0]
    averages = layer_means(table, first=2)
    assert averages["mean"].tolist() == [(3.5 + 5.5) / 2, (4 + 5) / 2]
    with pytest.raises(ValueError, match=r"shuffle: 3 was not measured; there are \[0, 5\]"):
        paired_changes(table, 3)


def test_a_row_of_the_shuffle_table_is_what_the_tables_say(tables: GeometryTables) -> None:
    found = shuffle_table(tables)
    assert len(found) == 12
    row = rows_where(found, model="made-up B", shuffle=4).iloc[0]
    own = tables.where(model="made-up B", shuffle=4)
    by_layer: Any = rows_where(own.dimension, scale=2).groupby("layer")["value"].mean()
    assert (row["layer_2"], row["peak_2"]) == (by_layer.idxmax(), by_layer.max())
    text = rows_where(tables.dimension, model="made-up B", shuffle=0, scale=2)
    peak: Any = text.groupby("layer")["value"].mean().idxmax()
    assert row["dimension_at_peak"] == pytest.approx(by_layer[peak])
    at = rows_where(own.overlap, k=1, layer=peak)["value"].mean()
    assert row["overlap_at_peak"] == pytest.approx(at)
    assert row["cosine"] == pytest.approx(own.cosine["value"].mean())
    assert row["loss"] == pytest.approx(own.loss["value"].mean())


def test_tables_are_read_as_they_were_written(tables: GeometryTables, tmp_path: Path) -> None:
    tables.write(tmp_path)
    again = read_tables(tmp_path)
    for name in ("dimension", "overlap", "cosine", "angle", "loss"):
        pd.testing.assert_frame_equal(
            getattr(again, name), getattr(tables, name), check_column_type=False, check_dtype=False
        )
    with pytest.raises(ValueError, match=r"the table loss has no column \['value'\]"):
        GeometryTables(**vars(tables) | {"loss": tables.loss.drop(columns="value")})


def test_published_arrays_are_read_by_their_layout(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "csn_sim": generator.random((12, 2, 5)),
        "gride": generator.random((12, 4, 3, 3)) + 1,
        "mnos": generator.random((12, 3, 4)),
        "losses": generator.random(12),
    }
    arrays["gride"][:, :, 1, 0] = arrays["gride"][:, :, 0, 0] / 32  # d/√N
    place = tmp_path / "Model" / "summaries"
    place.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(place / f"{name}.npy", array)
    found = read_published(tmp_path, [7, 30])
    key: dict[str, object] = {"model": "Model", "prompt": 30, "shuffle": 2}  # row 6 + 2
    row = rows_where(found.dimension, **key, layer=3, scale=8).iloc[0]
    assert (row["value"], row["standard_error"], row["radius"]) == tuple(
        arrays["gride"][8, 2, :, 2]
    )
    assert row["points"] == 1024
    row = rows_where(found.overlap, **key, layer=2, k=3).iloc[0]
    assert (row["value"], row["next_layer"]) == (arrays["mnos"][8, 1, 3], 3)
    row = rows_where(found.cosine, **key, layer=0).iloc[0]
    assert (row["value"], row["standard_deviation"]) == tuple(arrays["csn_sim"][8, :, 0])
    assert rows_where(found.loss, **key)["value"].tolist() == [arrays["losses"][8]]
    assert found.overlap["k"].min() == 1
    with pytest.raises(ValueError, match="3 prompts × 6 shuffles are 18 rows"):
        read_published(tmp_path, [7, 30, 31])
    (place / "gride.npy").unlink()
    assert read_published(tmp_path, np.arange(12), shuffles=1).dimension.empty
    with pytest.raises(FileNotFoundError, match=r"no folder of a model with losses\.npy"):
        read_published(place, [7, 30])


def test_measured_prompts_become_the_same_tables() -> None:
    states = np.random.default_rng(0).normal(size=(3, 40, 6))
    geometry = prompt_geometry(states, range_max=16, k_max=5)
    keys = {"model": "m", "prompt": 4, "shuffle": 0}
    found = measured_tables([(keys, geometry, {"value": 2.5, "types": 30})], layers=[0, 4, 9])
    gride = prompt_numbers.dimension(geometry)
    row = rows_where(found.dimension, layer=4, scale=8).iloc[0]
    assert (row["value"], row["standard_error"]) == (gride.dimension[1, 2], gride.error[1, 2])
    row = rows_where(found.overlap, layer=4, k=5).iloc[0]
    assert (row["value"], row["next_layer"]) == (
        prompt_numbers.consecutive_overlap(geometry)[1, 4],
        9,
    )
    assert found.cosine["value"].tolist() == geometry.mean_cosine.tolist()
    np.testing.assert_allclose(np.radians(found.angle["value"]), geometry.angle_between_nearest)
    assert found.loss.iloc[0].to_dict() == keys | {"value": 2.5, "types": 30}
    assert shuffle_table(found, scales=(2,), sizes=(1,))["loss"].tolist() == [2.5]
    with pytest.raises(ValueError, match=r"keys: \['shuffle'\] is missing"):
        measured_tables([({"model": "m", "prompt": 4}, geometry, {"value": 1.0})])
