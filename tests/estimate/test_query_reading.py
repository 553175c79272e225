"""Estimates at queries are those of a graph of all tokens, to the bit, and what lacks is told."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry import local_dimension
from lm_geometry.dimension.gride import from_radii
from lm_geometry.estimate import query_reading, readings
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.reference import disagreements
from lm_geometry.estimate.tables import estimates
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.neighbours.of_queries.search import QueryNeighbours
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.queries import QueryLists
from lm_geometry.outs.embed.query_index import QueryIndex
from lm_geometry.outs.estimate.clouds import without
from lm_geometry.outs.token_sample.clouds import Cloud

TOKENS, L = 500, 12
CLOUD = Cloud("base", CorpusSplit("news", "test"), 3, 0)
ALL = np.random.default_rng(0).standard_normal((TOKENS, 20)).astype(np.float32)
TABLE = pd.DataFrame({"document": [f"d{row % 25}" for row in range(TOKENS)]})
DOCUMENTS = TABLE["document"].to_numpy()
DRAWN = np.random.default_rng(1).permutation(TOKENS)[:60]
ROWS = DRAWN[10:50][::-1]  # token-sample chooses some of them, in an order of its own
INDEX = QueryIndex(60, 40, 24, ["document", "none"], [1.0, 0.5], {})
VALUES: dict[str, Any] = {
    "estimators": ["twonn", "mle", "lpca"],
    "n_neighbors": [8, L],
    "gride_range": 32,
    "reference": 1.0,
    "lpca": {"tokens": "all"},
}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch):
    codes = np.unique(DOCUMENTS, return_inverse=True)[1].astype(np.int32)[:, None]
    parts = []
    for rows in (np.arange(TOKENS), np.arange(0, TOKENS, 2)):
        own = QueryNeighbours(ALL[DRAWN], DRAWN, 40, codes[DRAWN], ((0,), ()), near=24)
        own.add(ALL[rows], rows, codes[rows])
        parts.append(own)
    needed = np.unique(np.concatenate([own.needed() for own in parts]))
    numbers = np.stack([own.nearest.numbers for own in parts])
    distances = np.sqrt(np.stack([own.nearest.squares for own in parts]))
    lists = QueryLists(ALL[DRAWN], numbers, distances, needed, ALL[needed])
    monkeypatch.setattr(readings, "read_tokens", lambda split: TABLE)
    monkeypatch.setattr(query_reading, "read_query_index", lambda: INDEX)
    monkeypatch.setattr(query_reading, "read_query_rows", lambda split: DRAWN)
    monkeypatch.setattr(query_reading, "read_query_lists", lambda *names: lists)

    def made(groups: int = 0, **values: Any):
        settings = Estimate.model_validate(VALUES | {"jackknife": {"groups": groups}} | values)
        of_split = readings.Readings(CLOUD.split, groups, 0)
        return *estimates(CLOUD, ALL[ROWS], ROWS, of_split, settings), of_split

    return made


def only(table: pd.DataFrame, column: str = "value", **wanted: Any) -> np.ndarray:
    for name, value in wanted.items():
        table = table.loc[table[name] == value]
    return table[column].to_numpy()


def test_local_estimates_have_the_bits_of_a_graph_of_all_tokens(tables) -> None:
    local, whole, _ = tables(global_estimators=["twonn", "mle", "l2n2"])
    assert local["row"].tolist()[: len(ROWS)] == ROWS.tolist()
    for reading, labels in (("none", None), ("document", DOCUMENTS)):
        for name in ("twonn", "mle", "lpca"):
            for size in (8, L):
                true = local_dimension(ALL, size, name, exclude=labels)[ROWS]
                found = only(local, estimator=name, n_neighbors=size, exclude=reading)
                np.testing.assert_array_equal(found, true)
        radii = neighbour_graph(ALL, 32, exclude=labels).distances[ROWS][:, [0, 1, 3, 7, 15, 31]]
        scales = only(whole, estimator="gride", exclude=reading)
        np.testing.assert_array_equal(scales, from_radii(radii).dimension)


def test_a_share_of_the_tokens_is_a_reference_of_its_own(tables) -> None:
    local, _, _ = tables(reference=0.5, estimators=["mle"], exclude=["none"])
    half = np.arange(0, TOKENS, 2)
    among = {row: place for place, row in enumerate(half.tolist())}
    own = [row for row in ROWS.tolist() if row in among]
    true = local_dimension(ALL[half], L, "mle")[[among[row] for row in own]]
    found = only(local, n_neighbors=L)[[row in among for row in ROWS.tolist()]]
    np.testing.assert_array_equal(found, true)


def test_the_jackknife_leaves_out_neighbours_of_all_tokens(tables) -> None:
    local, whole, of_split = tables(groups=5, n_neighbors=[L])
    group = of_split.group_of(np.arange(TOKENS))
    for g, column in enumerate(without(5)):
        kept = np.flatnonzero(group != g)
        places = np.searchsorted(kept, ROWS)
        there = group[ROWS] != g
        for name in ("twonn", "mle"):
            true = local_dimension(ALL[kept], L, name, exclude=DOCUMENTS[kept])[places[there]]
            found = only(local, column, estimator=name, exclude="document")
            assert np.isnan(found[~there]).all()
            np.testing.assert_array_equal(found[there], true.astype(np.float32))
    assert np.isfinite(only(whole, "without_0", estimator="twonn", exclude="none")).all()


def test_lists_that_are_too_short_are_refused(tables) -> None:
    with pytest.raises(ValueError, match=r"raise embed\.queries\.vectors"):
        tables(groups=2, n_neighbors=[20])


def test_what_a_reference_cannot_serve_is_told() -> None:
    settings = Estimate.model_validate(
        VALUES
        | {"n_neighbors": [0.1, 30], "gride_range": 64, "exclude": ["sequence"], "reference": 0.25}
        | {"global_estimators": ["lpca"], "surrogates": {"kinds": ["gaussian"]}, "search": "int8"}
    )
    told = "\n".join(disagreements(settings, INDEX, noise=0.1))
    for name in ("reference: 0.25", "exclude: sequence", "n_neighbors: 0.1", "n_neighbors: 30"):
        assert f"estimate.{name}" in told
    for name in ("gride_range: 64", "global_estimators: lpca", "surrogates.kinds: gaussian"):
        assert f"estimate.{name}" in told
    assert "estimate.search: int8" in told
    assert "token_sample.noise" in told
    assert next(disagreements(settings, None, 0.0)).startswith("estimate.reference: 0.25 needs")
    plain = Estimate.model_validate(VALUES | {"reference": "sample"})
    assert list(disagreements(plain, None, 0.1)) == []
