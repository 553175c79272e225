"""Intervals of the tables: by deletions where there are any, over documents or tokens alike."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.aggregate.cloud_estimates import CloudEstimates
from lm_geometry.aggregate.correlations import LossCorrelations
from lm_geometry.aggregate.described import described, reading
from lm_geometry.aggregate.differences import change_rows, changes, difference_rows
from lm_geometry.aggregate.means import mean_rows
from lm_geometry.aggregate.params import Aggregate, Bootstrap
from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.tables import COLUMNS, read_aggregated
from lm_geometry.aggregate.where import saying_where
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.estimate.clouds import GLOBAL, Estimated, without
from lm_geometry.statistics import clustered_mean, jackknifed
from lm_geometry.statistics.jackknifed_correlation import jackknifed_correlations
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.tables import write_table

GROUPS, DOCUMENTS = 4, 9
SPLITS = [CorpusSplit("a", "test"), CorpusSplit("b", "test")]


def local_table(clouds: int = 2, estimator: str = "twonn") -> pd.DataFrame:
    """Estimates of two checkpoints whose documents are in groups, with what they are without."""
    generator = np.random.default_rng(0)
    document = np.repeat(np.arange(DOCUMENTS), generator.integers(2, 12, DOCUMENTS))
    parts = []
    for checkpoint in ("base", "10"):
        for seed in range(clouds):
            rows = generator.permutation(len(document))[:40]
            value = 9 + document[rows] / 3 + generator.normal(size=40)
            table = pd.DataFrame({"row": rows, "value": value, "document": document[rows]})
            for group, name in enumerate(without(GROUPS)):
                moved = (value + generator.normal(0, 0.2, 40)).astype(np.float32)
                table[name] = np.where(table["document"] % GROUPS == group, np.nan, moved)
            parts.append(table.assign(checkpoint=checkpoint, sampling_seed=seed))
    keys = {"corpus": "a", "split": "test", "layer": 2, "exclude": "document"}
    whole = pd.concat(parts, ignore_index=True).assign(**keys, n_neighbors=64.0)
    return whole.assign(estimator=estimator)


def average(table: pd.DataFrame, column: str, weight: str) -> float:
    """The mean of tokens, or that of the documents' means, in the words of pandas."""
    by = table.groupby("document")[column].mean() if weight == "documents" else table[column]
    return float(by.mean())


@pytest.mark.parametrize("weight", ["tokens", "documents"])
def test_means_have_the_jackknife_of_their_deletions(weight: Any) -> None:
    table = local_table()
    rows = pd.DataFrame(mean_rows(table, 0.95, weight)).set_index("checkpoint")
    for checkpoint, cell in table.groupby("checkpoint"):
        deleted = np.array([average(cell, name, weight) for name in without(GROUPS)])
        clouds = [average(cell[cell["sampling_seed"] == s], "value", weight) for s in (0, 1)]
        value = average(cell, "value", weight)
        expected = jackknifed(value, deleted, 80, DOCUMENTS, np.array(clouds))
        row = rows.loc[checkpoint]
        assert row["mean"] == pytest.approx(value)
        assert (row["lower"], row["upper"]) == pytest.approx(expected.interval(0.95))
        assert (row["error"], row["values"], row["documents"]) == ("jackknife", 80, DOCUMENTS)


@pytest.mark.parametrize("weight", ["tokens", "documents"])
def test_changes_are_of_paired_tokens_in_every_deletion(weight: Any) -> None:
    table = local_table()
    (change,) = changes(table, weight).values()
    sides = dict(iter(table.groupby("checkpoint")))
    both = sides["10"].merge(sides["base"], on=["sampling_seed", "row"], suffixes=("", "_base"))
    for name in ("value", *without(GROUPS)):
        both[name] -= both[name + "_base"]
    deleted = np.array([average(both, name, weight) for name in without(GROUPS)])
    clouds = [average(both[both["sampling_seed"] == s], "value", weight) for s in (0, 1)]
    counts = (len(both), both["document"].nunique())
    expected = jackknifed(average(both, "value", weight), deleted, *counts, np.array(clouds))
    assert change.mean.value == pytest.approx(expected.value)
    assert change.mean.interval(0.9) == pytest.approx(expected.interval(0.9))
    spread = both.groupby("document")["value"].mean().std()
    assert change.by_documents == pytest.approx(expected.value / spread)


def test_what_has_no_deletions_keeps_the_clustered_error() -> None:
    table = local_table(clouds=1).assign(**dict.fromkeys(without(GROUPS), np.nan))
    for one in (table, table.drop(columns=without(GROUPS))):
        rows = pd.DataFrame(mean_rows(one, 0.95)).set_index("checkpoint")
        cell: Any = one[one["checkpoint"] == "base"]
        expected = clustered_mean(cell["value"].to_numpy(), cell["document"].to_numpy())
        row = rows.loc["base"]
        assert row["error"] == "clustered"
        assert row["standard_error"] == pytest.approx(expected.standard_error)
    rows = pd.DataFrame(mean_rows(table, 0.95, "documents")).set_index("checkpoint")
    means = table[table["checkpoint"] == "base"].groupby("document")["value"].mean()
    assert rows.loc["base", "mean"] == pytest.approx(means.mean())
    assert rows.loc["base", "standard_error"] == pytest.approx(means.sem())


def test_a_deletion_without_any_estimate_leaves_no_interval() -> None:
    table = local_table().assign(without_2=np.nan)
    for row in mean_rows(table, 0.95):
        assert row["error"] == "jackknife"
        assert math.isnan(float(row["standard_error"] or 0))


def global_rows() -> Iterator[dict[str, Any]]:
    """GRIDE at two scales and a signal without scale or L, of two clouds of both corpora."""
    generator = np.random.default_rng(1)
    for corpus in ("a", "b"):
        for checkpoint in ("base", "10"):
            for seed in (0, 1):
                for estimator, scale in (("gride", 2.0), ("gride", 4.0), ("rankme", math.nan)):
                    keys = {"checkpoint": checkpoint, "corpus": corpus, "split": "test"}
                    keys |= {"layer": 2, "sampling_seed": seed, "exclude": "none"}
                    keys |= {"estimator": estimator, "n_neighbors": math.nan, "scale": scale}
                    numbers = generator.normal(10, 1, 1 + GROUPS)
                    found = dict(zip(["value", *without(GROUPS)], numbers, strict=True))
                    yield keys | {"standard_error": 0.1, "points": 50, "recall": 1.0} | found


def test_signals_and_scales_stand_beside_local_estimates(project: Any) -> None:
    whole = pd.DataFrame(global_rows())
    assert set(whole) == {*GLOBAL, *without(GROUPS)}
    embedded = Embedded(["base", "10"], SPLITS, [2], depth=2)
    estimated = Estimated(embedded, [0, 1], ["twonn"], [64], "i/n", ["none"], [GROUPS, GROUPS])
    for split in SPLITS:
        tokens = pd.DataFrame({"document": [f"d{i % DOCUMENTS}" for i in range(30)]})
        write_table(paths.tokens(split.corpus, split.split), tokens)
    of_clouds = CloudEstimates(whole, estimated)
    means = pd.DataFrame(of_clouds.means(0.95))
    assert set(means) == set(COLUMNS["means"])
    assert len(means) == 2 * 2 * 3
    assert set(means["level"]) == {"cloud"}
    by_corpus = of_clouds.changes()
    rows = pd.DataFrame(difference_rows(by_corpus, "a", 0.95))
    assert rows[["estimator", "scale"]].fillna(0).to_numpy().tolist() == [
        ["gride", 2.0],
        ["gride", 4.0],
        ["rankme", 0.0],
    ]
    assert rows["n_neighbors"].isna().all()
    sides = []
    for corpus in ("a", "b"):
        own = whole[(whole["corpus"] == corpus) & (whole["estimator"] == "rankme")]
        columns = ["value", *without(GROUPS)]
        after, before = (
            own.loc[own["checkpoint"] == c, columns].to_numpy() for c in ("10", "base")
        )
        change = after - before
        mean = change.mean(axis=0)
        sides.append(jackknifed(mean[0], mean[1:], 2, DOCUMENTS, change[:, 0]))
    expected, row = sides[0] - sides[1], rows.iloc[2]
    assert row["mean"] == pytest.approx(expected.value)
    assert (row["lower"], row["upper"]) == pytest.approx(expected.interval(0.95))
    assert (row["degrees"], row["error"]) == (pytest.approx(expected.degrees), "jackknife")
    np.testing.assert_allclose(rows["adjusted_p_value"], rows["p_value"])  # a family for each
    assert set(change_rows(by_corpus, 0.95)[0]) == set(COLUMNS["changes"])


def test_correlations_are_jackknifed_where_there_are_deletions(project: Any) -> None:
    table = local_table()
    rows = int(table["row"].max()) + 1
    document = table.drop_duplicates("row").set_index("row")["document"].reindex(range(rows))
    document = document.fillna(0).astype(int)
    sequence = document * 10 + np.arange(rows) % 2
    tokens = pd.DataFrame({"sequence": sequence, "document": document})
    write_table(paths.tokens("a", "test"), tokens)
    loss = np.random.default_rng(2).gamma(2, size=rows).astype(np.float32)
    loss[0] = np.nan
    for checkpoint in ("base", "10"):
        write_array(paths.losses(checkpoint, "a", "test"), loss)
    collected = LossCorrelations(Bootstrap.model_validate({"draws": 100}), 0.95)
    collected.add(SPLITS[0], table)
    collected.add(
        SPLITS[0], table.assign(estimator="lpca", **dict.fromkeys(without(GROUPS), np.nan))
    )
    found = pd.DataFrame(collected.rows())
    assert set(found) == set(COLUMNS["correlations"])
    errors = found.groupby("estimator")["error"].unique().map(set).to_dict()
    assert errors == {"twonn": {"jackknife"}, "lpca": {"bootstrap"}}
    base: Any = table[(table["checkpoint"] == "base") & (table["row"] > 0)]
    columns = ["value", *without(GROUPS)]
    mean: Any = base.groupby("row")[columns].mean()
    clouds: Any = base.pivot(index="row", columns="sampling_seed", values="value")
    of_tokens = mean.assign(loss=loss[mean.index].astype(np.float64), c0=clouds[0], c1=clouds[1])
    for level, unit in (("token", mean.index), ("sequence", sequence[mean.index].to_numpy())):
        pairs: Any = of_tokens.groupby(np.asarray(unit)).mean()
        own = document[mean.index].groupby(np.asarray(unit)).first().to_numpy()
        expected = jackknifed_correlations(
            pairs["value"].to_numpy(),
            pairs[without(GROUPS)].to_numpy(),
            pairs["loss"].to_numpy(),
            own.astype(np.int64),
            pairs[["c0", "c1"]].to_numpy(),
        )
        rows_of_level = found[(found["level"] == level) & (found["estimator"] == "twonn")]
        chosen = rows_of_level[rows_of_level["checkpoint"] == "base"].set_index("method")
        for method, correlation in expected.items():
            row = chosen.loc[method]
            assert row["correlation"] == pytest.approx(correlation.value)
            assert (row["lower"], row["upper"]) == pytest.approx(correlation.interval(0.95))
            assert (row["pairs"], row["resampled"]) == (len(pairs), len(set(own)))


def test_figures_say_which_neighbours_count_and_what_intervals_are_over() -> None:
    assert reading("none") == "all neighbours"
    assert reading("document+token") == "neighbours of other documents and tokens"
    source = ModelSource("m", "M", "file:m", "decoder", 2, 8, "pretrained", 0)
    embedded = Embedded(["base", "10"], SPLITS, [2], depth=2)
    estimated = Estimated(embedded, [0, 1], ["twonn"], [64], "i/n", ["document", "none"], [4, 4])
    means = pd.DataFrame(mean_rows(local_table(), 0.95))
    both = Shown("10", 2, 64.0, "twonn", "test", "document", published=True)
    settings = Aggregate.model_validate({})
    lines = described(source, both, estimated, settings, means)
    assert lines.local.endswith("N = 40 tokens · L = 64 neighbours")  # panels tell which
    over = "95% intervals over documents and 2 clouds (jackknife)"
    assert lines.intervals == f"{lines.local} · {over}"
    assert f"L = 64 · neighbours of other documents · {over}" in lines.shown_intervals
    assert lines.correlation.endswith("95% intervals over documents (jackknife)")
    alone = Shown("10", 2, 64.0, "twonn", "test", "document")
    assert (
        "L = 64 · neighbours of other documents"
        in described(source, alone, estimated, settings, means).local
    )
    plain = means.assign(error="clustered")
    lines = described(source, alone, estimated, settings, plain)
    assert lines.intervals.endswith("95% intervals over documents and 2 clouds")
    assert lines.correlation.endswith("95% intervals over documents")


def test_figures_and_tables_say_where_in_the_blocks_states_were_read(project: Path) -> None:
    source = ModelSource("m", "M", "file:m", "decoder", 2, 8, "random", 0)
    shown, settings = Shown("10", 2, 64.0, "twonn", "test"), Aggregate.model_validate({})
    means = pd.DataFrame(mean_rows(local_table(), 0.95))
    lines = {}
    for points in ("residual", "mlp", "model.layers.*.self_attn"):
        embedded = Embedded(["base", "10"], SPLITS, [2], depth=2, points=points)
        estimated = Estimated(embedded, [0], ["twonn"], [64], "i/n", ["none"], [4, 4])
        lines[points] = described(source, shown, estimated, settings, means)
    stream, mlp, module = lines.values()
    assert stream.local.startswith("M (untrained) · local TwoNN")
    for line in (mlp.local, mlp.intervals, mlp.shown_intervals, mlp.correlation, mlp.gride):
        assert line.startswith("M (untrained), outputs of the MLP · ")
    assert module.local.startswith("M (untrained), outputs of model.layers.*.self_attn · ")
    assert mlp.model == stream.model  # of losses, which have no place
    table = pd.DataFrame({"layer": [1], "mean": [2.0]})
    assert saying_where(table, "residual") is table
    assert saying_where(table, "mlp")["states"].tolist() == ["mlp"]
    whole = pd.DataFrame({column: ["x"] for column in COLUMNS["losses"]})
    for where, there in (("mlp", True), ("residual", False)):
        write_table(paths.table("losses"), saying_where(whole, where))
        assert ("states" in read_aggregated("losses")) == there
