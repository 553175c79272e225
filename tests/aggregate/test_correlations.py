"""Correlations of estimates with loss: exact resamples, the right tokens, every level."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lm_geometry.aggregate.correlations import LossCorrelations, joined
from lm_geometry.aggregate.params import Bootstrap
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.statistics import correlation
from lm_geometry.statistics.corpus_correlation import across_cells
from lm_geometry.statistics.correlation import clustered_correlations, resamples
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.tables import write_table

SCIPY: dict[str, Any] = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
}


def tokens_of(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    cluster = generator.integers(0, 9, 150)
    x = generator.normal(size=150) + 0.4 * cluster
    y = 0.5 * x + generator.normal(size=150)
    return (x.round(), y.round(1), cluster) if ties else (x, y, cluster)


@pytest.mark.parametrize("ties", [False, True])
def test_replicates_are_those_of_the_repeated_tokens(ties: bool) -> None:
    x, y, cluster = tokens_of(0, ties)
    weights = resamples(9, 40, np.random.default_rng(1))
    found = clustered_correlations(x, y, cluster, weights)
    for draw in (0, 1, 17, 40):
        tokens = np.repeat(np.arange(150), weights[cluster, draw].astype(int))
        for method, expected in SCIPY.items():
            values = np.concatenate([[found[method].value], found[method].draws])
            wanted = expected(x[tokens], y[tokens]).statistic
            assert values[draw] == pytest.approx(wanted, abs=1e-12), method
    assert {(r.pairs, r.clusters) for r in found.values()} == {(150, 9)}


def test_resamples_draw_as_many_clusters_as_there_are() -> None:
    weights = resamples(30, 200, np.random.default_rng(2))
    assert weights.shape == (30, 201)
    assert (weights[:, 0] == 1).all()
    assert (weights.sum(axis=0) == 30).all()
    assert weights[:, 1:].var() == pytest.approx(1 - 1 / 30, rel=0.1)


def test_missing_pairs_are_left_out() -> None:
    x, y, cluster = tokens_of(3, ties=False)
    weights = resamples(9, 20, np.random.default_rng(4))
    holes = x.copy()
    holes[5:50] = np.nan
    found = clustered_correlations(holes, y, cluster, weights)
    kept = np.isfinite(holes)
    for method, expected in SCIPY.items():
        assert found[method].value == pytest.approx(expected(x[kept], y[kept]).statistic)
        assert found[method].pairs == 105


def test_what_has_no_correlation_has_no_interval() -> None:
    weights = resamples(4, 50, np.random.default_rng(5))
    cluster = np.array([0, 1, 2, 3, 3])
    for x in (np.full(5, 2.0), np.full(5, np.nan)):
        for found in clustered_correlations(x, np.arange(5.0), cluster, weights).values():
            assert math.isnan(found.value)
            assert all(map(math.isnan, found.interval(0.95)))
    same = clustered_correlations(np.arange(5.0), np.arange(5.0), cluster, weights)
    assert same["spearman"].value == 1
    assert all(map(math.isnan, same["spearman"].interval(0.95)))


def test_kendall_of_many_tokens_is_that_of_all_with_an_interval_of_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y, cluster = tokens_of(6, ties=False)
    weights = resamples(9, 300, np.random.default_rng(7))
    whole = clustered_correlations(x, y, cluster, weights)["kendall"]
    monkeypatch.setattr(correlation, "KENDALL_TOKENS", 100)
    some = clustered_correlations(x, y, cluster, weights)["kendall"]
    assert some.value == pytest.approx(whole.value)
    assert some.value == pytest.approx(stats.kendalltau(x, y).statistic)
    (low, high), (lower, upper) = whole.interval(0.95), some.interval(0.95)
    assert 1 < (upper - lower) / (high - low) < 2  # two thirds of the tokens: wider
    monkeypatch.setattr(correlation, "KENDALL_CLUSTERS", 5)
    assert len(clustered_correlations(x, y, cluster, weights)["kendall"].draws) == 200


def test_a_token_in_two_clouds_is_one_pair() -> None:
    cell = pd.DataFrame({"row": [4, 1, 4, 2, 0], "value": [6.0, 3.0, 8.0, np.nan, 5.0]})
    cell = cell.assign(sampling_seed=[0, 0, 1, 1, 1], without_0=[1.0, np.nan, 2.0, 9.0, 9.0])
    losses = np.array([np.nan, 0.1, 0.2, 0.3, 0.4])
    pairs = joined(cell, losses)
    assert pairs.rows.tolist() == [1, 4]
    assert pairs.values.tolist() == [3, 7]
    assert pairs.losses.tolist() == [0.1, 0.4]
    np.testing.assert_array_equal(pairs.without, [[np.nan], [1.5]])
    np.testing.assert_array_equal(pairs.clouds, [[3, np.nan], [6, 8]])
    one = joined(cell[cell["sampling_seed"] == 1], losses)
    assert (one.values.tolist(), one.clouds.shape) == ([8], (1, 0))


SPLITS = [CorpusSplit("a", "test"), CorpusSplit("b", "test")]
CHECKPOINTS = ("base", "10")
TOKENS = 240


def write_losses() -> dict[tuple[str, str], np.ndarray]:
    """Token tables and losses of two corpora at two checkpoints; the losses by cell."""
    losses = {}
    for split in SPLITS:
        sequence = np.arange(TOKENS) // 8
        table = pd.DataFrame({"sequence": sequence, "document": [f"d{s // 3}" for s in sequence]})
        write_table(paths.tokens(split.corpus, split.split), table)
        for checkpoint in CHECKPOINTS:
            names = [ord(split.corpus), len(checkpoint)]
            loss = np.random.default_rng(names).gamma(2, 2, TOKENS).astype(np.float32)
            loss[::8] = np.nan
            write_array(paths.losses(checkpoint, split.corpus, split.split), loss)
            losses[split.corpus, checkpoint] = loss.astype(np.float64)
    return losses


def estimates(split: CorpusSplit, losses: Any, rows: np.ndarray, sign: float) -> pd.DataFrame:
    """Local estimates that follow `sign` times the loss of the token, rows in the given order."""
    noise = np.random.default_rng(8).normal(0, 0.3, TOKENS)
    cells = [
        pd.DataFrame(
            {
                "row": rows,
                "value": 10 + sign * np.nan_to_num(losses[split.corpus, name])[rows] + noise[rows],
            }
        ).assign(checkpoint=name)
        for name in CHECKPOINTS
    ]
    keys = {"corpus": split.corpus, "split": split.split, "layer": 2, "estimator": "twonn"}
    keys |= {"exclude": "none", "sampling_seed": 0}
    return pd.concat(cells, ignore_index=True).assign(**keys, n_neighbors=64.0)


def correlations_of(tables: list[tuple[CorpusSplit, pd.DataFrame]], **options: Any) -> pd.DataFrame:
    collected = LossCorrelations(Bootstrap.model_validate({"draws": 200} | options), 0.95)
    for split, table in tables:
        collected.add(split, table)
    return pd.DataFrame(collected.rows())


def test_the_planted_relation_is_found_whatever_the_order_of_rows(project: Any) -> None:
    losses = write_losses()
    rows = np.random.default_rng(9).permutation(TOKENS)[:200]
    signs = (1.0, -1.0)
    ordered = [
        (split, estimates(split, losses, np.sort(rows), sign))
        for split, sign in zip(SPLITS, signs, strict=True)
    ]
    shuffled = [
        (split, estimates(split, losses, rows, sign))
        for split, sign in zip(SPLITS, signs, strict=True)
    ]
    found, again = correlations_of(ordered), correlations_of(shuffled)
    for name in ("correlation", "lower", "upper"):
        np.testing.assert_allclose(found[name], again[name], atol=1e-9)
    token = found[found["level"] == "token"].set_index(["corpus", "checkpoint", "method"])
    for split, sign in zip(SPLITS, signs, strict=True):
        (_, table), loss = ordered[SPLITS.index(split)], losses[split.corpus, "10"]
        cell = table[table["checkpoint"] == "10"]
        kept = np.isfinite(loss[cell["row"]])
        for method, expected in SCIPY.items():
            row = token.loc[(split.corpus, "10", method)]
            wanted = expected(cell["value"][kept], loss[cell["row"]][kept]).statistic
            assert row["correlation"] == pytest.approx(wanted)
            assert sign * row["correlation"] > 0.8
            assert row["lower"] < row["correlation"] < row["upper"]
            assert row["pairs"] == kept.sum()
            assert row["resampled"] == 10
    # Estimates given to other tokens, as when rows are counted differently, relate to nothing.
    wrong = ordered[0][1].assign(row=np.tile(np.roll(np.sort(rows), 7), 2))
    unrelated = correlations_of([(SPLITS[0], wrong)])
    assert unrelated[unrelated["level"] == "token"]["correlation"].abs().max() < 0.2


def test_sequences_are_correlated_by_their_means(project: Any) -> None:
    losses = write_losses()
    table = estimates(SPLITS[0], losses, np.arange(0, TOKENS, 3), 1.0)
    for resample, units in (("sequences", 30), ("documents", 10)):
        found = correlations_of([(SPLITS[0], table)], resample=resample)
        rows = found.loc[(found["level"] == "sequence") & (found["checkpoint"] == "base")]
        cell: Any = table[table["checkpoint"] == "base"]
        pairs = cell.assign(
            loss=losses["a", "base"][cell["row"]], sequence=cell["row"] // 8
        ).dropna()
        means = pairs.groupby("sequence")[["value", "loss"]].mean()
        for row in rows.to_dict("records"):
            expected = SCIPY[row["method"]](means["value"], means["loss"]).statistic
            assert row["correlation"] == pytest.approx(expected)
            assert (row["pairs"], row["resampled"]) == (30, units)


def test_corpora_are_correlated_where_there_are_three_cells(project: Any) -> None:
    losses = write_losses()
    tables = [(split, estimates(split, losses, np.arange(200), 1.0)) for split in SPLITS]
    found = correlations_of(tables)
    rows = found[found["level"] == "corpus"].set_index("method")
    pairs = []
    for split, table in tables:
        for checkpoint, cell in table.groupby("checkpoint", sort=False):
            loss = losses[split.corpus, str(checkpoint)][cell["row"]]
            kept = np.isfinite(loss)
            pairs.append((cell["value"][kept].mean(), loss[kept].mean()))
    for method, expected in SCIPY.items():
        assert rows.loc[method, "correlation"] == pytest.approx(
            expected(*np.transpose(pairs)).statistic
        )
    assert set(rows["pairs"]) == {4}
    assert set(rows["corpus"]) == {"all"}
    assert (rows["lower"] <= rows["upper"]).all()
    alone = correlations_of(tables[:1])
    assert "corpus" not in set(alone["level"])


def test_percentiles_across_cells_are_those_of_each_resample() -> None:
    means = np.random.default_rng(10).normal(size=(6, 2, 301))
    for method, (value, lower, upper) in across_cells(means, 0.9).items():
        each = [SCIPY[method](means[:, 0, i], means[:, 1, i]).statistic for i in range(301)]
        assert value == pytest.approx(each[0])
        assert (lower, upper) == pytest.approx(tuple(np.quantile(each[1:], [0.05, 0.95])))


def test_a_model_without_losses_has_no_correlations(project: Any) -> None:
    losses = write_losses()
    for checkpoint in CHECKPOINTS:
        nothing = np.full(TOKENS, np.nan, dtype=np.float32)
        write_array(paths.losses(checkpoint, "a", "test"), nothing)
    table = estimates(SPLITS[0], losses, np.arange(100), 1.0)
    assert correlations_of([(SPLITS[0], table)]).empty
