"""Estimates by token, label and part of speech; clusters of estimates."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.aggregate.clusters import cluster_rows, clusters
from lm_geometry.aggregate.groups import GroupedEstimates
from lm_geometry.aggregate.params import Aggregate, Groups
from lm_geometry.aggregate.shown import Shown
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.statistics import clustered_mean
from lm_geometry.workspace import paths
from lm_geometry.workspace.tables import write_table

SPLIT = CorpusSplit("a", "test")
SHOWN = Shown("10", 2, 64.0, "twonn", "test")
NAMES = np.array(["the", "of", "sea", "a", "rare"])
TAGS = np.array(["O", "O", "B-place", "O", "B-place"])


def token_table(tokens: int = 200) -> tuple[pd.DataFrame, np.ndarray]:
    kind = np.minimum(np.random.default_rng(0).geometric(0.6, tokens) - 1, 4)
    table = pd.DataFrame({"sequence": np.arange(tokens) // 4, "token": NAMES[kind]})
    return table.assign(tag=TAGS[kind], special=""), kind


def estimates(kind: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Estimates that depend on the kind of token; two checkpoints, two neighbourhood sizes."""
    cells = []
    for seed, (checkpoint, size) in enumerate(
        [("base", 64.0), ("10", 64.0), ("base", 32.0), ("10", 32.0)]
    ):
        value = 8 + kind[rows] + np.random.default_rng(seed).normal(0, 0.1, len(rows))
        cell = pd.DataFrame({"row": rows, "value": value, "document": rows // 10})
        cells.append(cell.assign(checkpoint=checkpoint, n_neighbors=size))
    keys = {"corpus": "a", "split": "test", "layer": 2, "exclude": "none", "estimator": "twonn"}
    keys |= {"sampling_seed": 0}
    return pd.concat(cells, ignore_index=True).assign(**keys)


def grouped(table: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    collected = GroupedEstimates(Groups.model_validate(settings), 0.9)
    collected.add(SPLIT, table)
    return collected.table()


def test_groups_are_the_means_of_their_tokens(project: Any) -> None:
    tokens, kind = token_table()
    write_table(paths.tokens("a", "test"), tokens)
    rows = np.random.default_rng(1).permutation(200)[:150]
    table = estimates(kind, rows)
    table.loc[3, "value"] = np.nan
    found = grouped(table, fewest_tokens=10)
    assert set(found["grouping"]) == {"token", "tag"}
    counts: Any = pd.Series(NAMES[kind[rows]]).value_counts()
    assert 0 < counts["rare"] < 10
    for grouping, names in (("token", NAMES), ("tag", TAGS)):
        for row in found.loc[found["grouping"] == grouping].to_dict("records"):
            cell: Any = table[
                (table["checkpoint"] == row["checkpoint"])
                & (table["n_neighbors"] == row["n_neighbors"])
            ]
            mine = cell[names[kind[cell["row"]]] == row["group"]]
            expected = clustered_mean(mine["value"].to_numpy(), mine["document"].to_numpy())
            assert row["mean"] == pytest.approx(expected.value)
            assert (row["lower"], row["upper"]) == pytest.approx(expected.interval(0.9))
            assert (row["values"], row["documents"]) == (expected.values, expected.clusters)
    shown = found[(found["grouping"] == "token") & (found["checkpoint"] == "10")]
    assert set(shown["group"]) == set(counts.index[counts >= 10])
    assert set(found[found["grouping"] == "tag"]["group"]) == {"O", "B-place"}


def test_empty_and_missing_names_make_no_group(project: Any) -> None:
    tokens, kind = token_table()
    tokens["label"] = [["", None, "kept"][min(k, 2)] for k in kind]
    write_table(paths.tokens("a", "test"), tokens)
    found = grouped(estimates(kind, np.arange(200)), by=["label"], fewest_tokens=1)
    assert set(found["group"]) == {"kept"}


def test_any_column_can_group_and_a_wrong_one_is_named(project: Any) -> None:
    tokens, kind = token_table()
    write_table(paths.tokens("a", "test"), tokens.assign(long=kind > 1))
    table = estimates(kind, np.arange(200))
    assert set(grouped(table, by=["long"])["group"]) == {"True", "False"}
    with pytest.raises(ValueError, match=r"groups\.by: no corpus has 'lung'; there are .*long"):
        grouped(table, by=["lung"])


def test_private_text_has_no_groups_by_token_and_says_so(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens, kind = token_table()
    write_table(paths.tokens("a", "test"), tokens.drop(columns="token"))
    found = grouped(estimates(kind, np.arange(200)))
    assert set(found["grouping"]) == {"tag"}
    assert "no groups by token" in capsys.readouterr().out
    settings = Aggregate.model_validate({"clusters": {"counts": [2]}})
    rows = cluster_rows(
        estimates(kind, np.arange(200)), tokens.drop(columns="token"), SHOWN, settings
    )
    assert [(row["token"], row["count"]) for row in rows] == [("", 0)] * 4


def test_clusters_are_numbered_from_the_lowest_values() -> None:
    values = np.random.default_rng(2).permutation(np.concatenate([[1.0, 1.1], [5, 5.2], [9, 9.3]]))
    label = clusters(values, 3, seed=0)
    assert (label == np.digitize(values, [3, 7])).all()
    assert (clusters(values, 1, seed=0) == 0).all()


def test_clusters_list_their_most_frequent_tokens(project: Any) -> None:
    tokens, kind = token_table()
    table = estimates(kind, np.arange(200))
    settings = Aggregate.model_validate({"clusters": {"counts": [1, 5]}, "groups": {"listed": 3}})
    rows = pd.DataFrame(cluster_rows(table, tokens, SHOWN, settings))
    assert set(rows["checkpoint"]) == {"base", "10"}
    assert set(rows["n_neighbors"]) == {64.0}
    cell = rows[rows["checkpoint"] == "10"]
    whole = cell[cell["k"] == 1]
    counts = pd.Series(NAMES[kind]).value_counts()
    assert whole["token"].tolist() == counts.index[:3].tolist()
    assert whole["count"].tolist() == counts[:3].tolist()
    assert set(whole["tokens"]) == {200}
    five = cell[cell["k"] == 5]  # the planted kinds, each a cluster of its own
    assert five["token"].tolist() == NAMES.tolist()
    assert five["cluster"].tolist() == [0, 1, 2, 3, 4]
    assert five["mean"].to_numpy() == pytest.approx(8 + np.arange(5), abs=0.1)
    assert (five["smallest"] <= five["mean"]).all()
    assert five["count"].sum() == 200


def test_more_clusters_than_values_are_left_out() -> None:
    tokens, kind = token_table()
    table = estimates(kind, np.arange(200)).assign(value=3.0)
    settings = Aggregate.model_validate({"clusters": {"counts": [1, 2]}})
    assert {row["k"] for row in cluster_rows(table, tokens, SHOWN, settings)} == {1}


@pytest.mark.parametrize("counts", [[0], [2, 2], [-1]])
def test_numbers_of_clusters_are_checked(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="whole numbers from 1"):
        Aggregate.model_validate({"clusters": {"counts": counts}})
