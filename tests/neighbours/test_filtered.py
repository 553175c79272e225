"""Graphs without some pairs or some tokens equal the table of all distances without them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry import excluding, neighbour_graph, neighbourhood_overlap, remaining
from lm_geometry.neighbours.labels import as_labels, others
from lm_geometry.neighbours.search import nearest_of_all, nearest_unlike
from tests.exact_pairs import all_distances


def cloud(seed, tokens, width=4, copies=0):
    points = np.random.default_rng(seed).normal(size=(tokens, width)).astype(np.float32)
    points[tokens - copies :] = points[:copies]
    return points


def nearest(distances, k):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    tokens=st.integers(20, 90),
    kinds=st.integers(0, 3),
    of_each=st.integers(4, 40),
    length=st.integers(1, 19),
    copies=st.integers(0, 5),
)
def test_tokens_alike_in_any_kind_are_no_neighbours(seed, tokens, kinds, of_each, length, copies):
    X = cloud(seed, tokens, copies=copies)
    labels = np.random.default_rng(seed + 1).integers(0, of_each, (tokens, kinds))
    distances = all_distances(X, labels)
    room = int(np.isfinite(distances).sum(axis=1).min())
    np.testing.assert_array_equal(
        others(as_labels(labels, tokens)), np.isfinite(distances).sum(axis=1)
    )
    if room < 1:
        return
    k = min(room, 8)
    found = excluding(neighbour_graph(X, length), labels, k, X)
    indices, lengths = nearest(distances, k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, lengths, rtol=1e-12)
    # The search that knows of the labels finds the same.
    at_once = neighbour_graph(X, k, exclude=labels)
    np.testing.assert_array_equal(at_once.indices, indices)


@pytest.mark.parametrize("kind", ["apart", "clusters", "lattice", "far", "copies", "double"])
def test_many_short_lists_are_filled_as_they_are_one_by_one(kind: str) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 30, 700)
    X = cloud(1, 700, 24)
    if kind == "clusters":  # nearly all near tokens are alike
        X += 9 * cloud(2, 30, 24)[labels]
    if kind == "lattice":  # of ties, which no gap proves
        X = random.integers(0, 3, (700, 4)).astype(np.float32)
    if kind == "far":
        X += 1e4
    if kind == "copies":
        X[::2] = X[1::2]
    if kind == "double":
        X = X.astype(np.float64) + 1e-12
    rows, alike = np.flatnonzero(random.random(700) < 0.8), as_labels(labels, 700)
    found = nearest_unlike(X, rows, 40, alike)
    expected = nearest_of_all(X, rows, 40, alike)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)
    indices, lengths = nearest(all_distances(X, labels)[rows], 40)
    np.testing.assert_allclose(found.distances, lengths, rtol=1e-9)
    if kind not in ("lattice", "copies"):  # among ties the table's order is by rounding
        np.testing.assert_array_equal(found.indices, indices)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), tokens=st.integers(20, 80), length=st.integers(2, 19))
def test_what_remains_is_the_graph_of_what_remains(seed, tokens, length):
    X = cloud(seed, tokens, copies=3)
    generator = np.random.default_rng(seed)
    labels, kept = generator.integers(0, 10, tokens), generator.random(tokens) < 0.7
    room = int(np.isfinite(all_distances(X[kept], labels[kept])).sum(axis=1).min())
    k = min(5, room)
    if k < 1:
        return
    left = remaining(excluding(neighbour_graph(X, length), labels, 1, X), kept, k, X)
    indices, lengths = nearest(all_distances(X[kept], labels[kept]), k)
    np.testing.assert_array_equal(left.indices, indices)
    np.testing.assert_allclose(left.distances, lengths, rtol=1e-12)
    plain = remaining(neighbour_graph(X, length), kept, k, X)
    np.testing.assert_array_equal(plain.indices, neighbour_graph(X[kept], k).indices)


def test_names_are_labels_as_numbers_are():
    X = cloud(3, 40)
    names = np.array(["war", "peace", "sea", "land"] * 10)
    numbers = np.array([4, 1, 7, 2] * 10)
    graph = neighbour_graph(X, 12)
    by_name, by_number = (excluding(graph, labels, 9, X) for labels in (names, numbers))
    np.testing.assert_array_equal(by_name.indices, by_number.indices)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_label_is_refused_for_it_is_neither_like_another_nor_unlike(missing):
    X, graph = cloud(3, 6), neighbour_graph(cloud(3, 6), 5)
    names = np.array(["a", "b", "c", "d", "e", missing], object)
    with pytest.raises(ValueError, match="exclude has missing labels; each token needs one"):
        excluding(graph, names, 2, X)
    with pytest.raises(ValueError, match="exclude has missing labels"):
        excluding(graph, np.column_stack([np.arange(6), names]), 2, X)
    with pytest.raises(ValueError, match="exclude has missing labels"):
        neighbour_graph(X, 2, exclude=[0.0, 1.0, 2.0, 3.0, 4.0, np.nan])


def test_exclusions_add_up():
    X, generator = cloud(4, 60), np.random.default_rng(0)
    both = generator.integers(0, 12, (60, 2))
    graph = neighbour_graph(X, 30)
    once = excluding(graph, both, 10, X)
    twice = excluding(excluding(graph, both[:, 0], 20, X), both[:, 1], 10, X)
    np.testing.assert_array_equal(once.indices, twice.indices)


@pytest.mark.parametrize("power", [-400, 0, 400])
def test_sizes_of_numbers_do_not_matter(power):
    X = np.ldexp(cloud(5, 50).astype(np.float64), power)
    labels = np.arange(50) // 5
    short = excluding(neighbour_graph(X, 5), labels, 20, X)  # nearly every list is measured again
    unscaled = excluding(neighbour_graph(cloud(5, 50), 49), labels, 20, cloud(5, 50))
    np.testing.assert_array_equal(short.indices, unscaled.indices)
    np.testing.assert_allclose(np.ldexp(short.distances, -power), unscaled.distances, rtol=1e-12)


def test_too_few_others_are_refused_with_the_token():
    X = cloud(6, 30)
    labels = np.r_[np.zeros(25, int), np.arange(1, 6)]
    with pytest.raises(ValueError, match="6 neighbours are asked for, but token 0 has only 5"):
        excluding(neighbour_graph(X, 10), labels, 6, X)
    with pytest.raises(ValueError, match=r"exclude has shape \(29,\); a label for each of 30"):
        neighbour_graph(X, 3, exclude=labels[:-1])
    with pytest.raises(ValueError, match="X has 29 tokens, but its graph has 30"):
        excluding(neighbour_graph(X, 10), labels, 5, X[1:])
    with pytest.raises(ValueError, match="kept has shape"):
        remaining(neighbour_graph(X, 10), np.ones(29, bool), 5, X)


def test_shared_neighbours_are_those_of_other_labels():
    A, B = cloud(7, 50), cloud(8, 50)
    labels = np.arange(50) // 10
    near = [nearest(all_distances(X, labels), 5)[0] for X in (A, B)]
    shared = [len({*a} & {*b}) / 5 for a, b in zip(*near, strict=True)]
    found = neighbourhood_overlap(A, B, 5, exclude=labels)
    assert found[-1] == pytest.approx(np.mean(shared))
