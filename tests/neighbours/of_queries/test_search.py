"""Neighbours of queries in a streamed cloud are those of scipy among all tokens, to the bit."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from lm_geometry.neighbours import neighbour_graph
from lm_geometry.neighbours.of_queries import search
from lm_geometry.neighbours.of_queries.search import Found, QueryNeighbours

READINGS = ((), (0,), (0, 1))


class Cloud(NamedTuple):
    """Tokens in the order of their numbers, of which some are queries."""

    vectors: np.ndarray
    labels: np.ndarray
    queries: np.ndarray


def cloud(seed: int, tokens: int = 400, coarse: bool = True) -> Cloud:
    """A cloud of whole coordinates has copies and ties, exact in every precision."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((tokens, 24)).astype(np.float32)
    if coarse:
        vectors = rng.integers(0, 3, (tokens, 5)).astype(np.float32)
    labels = rng.integers(0, 6, (tokens, 2)).astype(np.int32)
    return Cloud(vectors, labels, rng.permutation(tokens)[:30])


def by_scipy(X: Cloud, k: int, kinds: tuple[int, ...], among: np.ndarray | None = None) -> Found:
    """Leave out what does not count, then copies but the first, then take the nearest."""
    numbers, distances = np.full((len(X.queries), k), -1), np.full((len(X.queries), k), np.inf)
    far = cdist(X.vectors[X.queries].astype(np.float64), X.vectors.astype(np.float64))
    for place, query in enumerate(X.queries):
        counts = (X.vectors != X.vectors[query]).any(axis=1)
        counts &= True if among is None else among
        for kind in kinds:
            counts &= X.labels[:, kind] != X.labels[query, kind]
        there = np.flatnonzero(counts)
        _, first = np.unique(X.vectors[there], axis=0, return_index=True)
        there = there[np.sort(first)]
        order = np.lexsort((there, far[place, there]))[:k]
        numbers[place, : len(order)] = there[order]
        distances[place, : len(order)] = far[place, there[order]]
    return Found(numbers, distances)


def empty(X: Cloud, k: int) -> QueryNeighbours:
    return QueryNeighbours(
        X.vectors[X.queries], X.queries, k, X.labels[X.queries], READINGS, near=5
    )


def add(found: QueryNeighbours, X: Cloud, rows: np.ndarray) -> None:
    found.add(X.vectors[rows], rows, X.labels[rows])


def same(one: QueryNeighbours, other: QueryNeighbours) -> None:
    for a, b in zip(one.nearest, other.nearest, strict=True):
        assert a.tobytes() == b.tobytes()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), coarse=st.booleans(), shards=st.integers(1, 6))
def test_any_shards_in_any_order_give_the_neighbours_of_scipy(seed, coarse, shards):
    X = cloud(seed, coarse=coarse)
    rng = np.random.default_rng(seed + 1)
    order = rng.permutation(len(X.vectors))
    whole, merged = empty(X, 12), empty(X, 12)
    add(whole, X, order)
    for part in np.array_split(rng.permutation(len(X.vectors)), shards):
        own = empty(X, 12)
        for rows in np.array_split(part, 2):
            add(own, X, rows)
        merged.merge(own)
    add(merged, X, order[:50])  # tokens that came before change nothing
    same(whole, merged)
    for reading, kinds in enumerate(READINGS):
        found, true = merged.result(reading), by_scipy(X, 12, kinds)
        np.testing.assert_array_equal(found.numbers, true.numbers)
        np.testing.assert_allclose(found.distances, true.distances, rtol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), offset=st.sampled_from([0.0, 3000.0]))
def test_distances_have_the_bits_of_a_graph_of_the_whole_cloud(seed, offset):
    X = cloud(seed, 600, coarse=False)
    X.vectors[:, :2] += np.float32(offset)
    found = QueryNeighbours(X.vectors[X.queries], X.queries, 40)
    for rows in np.array_split(np.random.default_rng(seed).permutation(600), 3):
        found.add(X.vectors[rows], rows)
    graph = neighbour_graph(X.vectors, 40)
    np.testing.assert_array_equal(found.result().numbers, graph.indices[X.queries])
    np.testing.assert_array_equal(found.result().distances, graph.distances[X.queries])


def test_few_tokens_are_measured_and_none_is_lost(monkeypatch):
    X = cloud(3, 20_000, coarse=False)
    monkeypatch.setattr(search, "MOST", 512)
    found = QueryNeighbours(X.vectors[X.queries], X.queries, 16)
    possible = []
    offer = search.offer

    def count(products, halves, limits, *rest):
        own = limits[rest[3] : rest[3] + len(products)]
        possible.append(int((~(halves - products >= own[:, None])).sum()))
        offer(products, halves, limits, *rest)

    monkeypatch.setattr(search, "offer", count)
    found.add(X.vectors, np.arange(len(X.vectors)))
    true = by_scipy(X, 16, ())
    np.testing.assert_array_equal(found.result().numbers, true.numbers)
    assert sum(possible) < 0.06 * len(X.vectors) * len(X.queries)
    assert sum(possible[-4:]) < 0.002 * 4 * 512 * len(X.queries)


def test_the_vectors_that_are_needed_are_told_as_they_come():
    X = cloud(5)
    found, held = empty(X, 12), set()
    for rows in np.array_split(np.random.default_rng(0).permutation(len(X.vectors)), 5):
        entered = found.add(X.vectors[rows], rows, X.labels[rows])
        held |= set(rows[entered].tolist())
    near = found.nearest.numbers[:, :, :5]
    assert set(found.needed().tolist()) == set(near[near >= 0].tolist()) <= held
    assert len(held) < len(X.vectors)


def test_tokens_beyond_single_precision_are_still_compared():
    X = cloud(7, 300, coarse=False)
    X.vectors[::7] *= np.float32(1e25)  # their squares overflow
    queries = np.setdiff1d(X.queries, np.arange(0, 300, 7))
    X = X._replace(queries=queries)
    found = QueryNeighbours(X.vectors[queries], queries, 290)
    found.add(X.vectors, np.arange(300))
    true = by_scipy(X, 290, ())
    np.testing.assert_array_equal(found.result().numbers[:, :250], true.numbers[:, :250])
    assert (found.result().numbers[:, :290] >= 0).all()


def test_what_cannot_be_compared_is_refused():
    X = cloud(0)
    found = empty(X, 3)
    with pytest.raises(ValueError, match="float64"):
        found.add(X.vectors.astype(np.float64), np.arange(400), X.labels)
    with pytest.raises(ValueError, match="2 kinds"):
        found.add(X.vectors, np.arange(400))
    X.vectors[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 rows: 3"):
        found.add(X.vectors, np.arange(400), X.labels)
    with pytest.raises(ValueError, match="other queries"):
        found.merge(empty(cloud(1), 3))
