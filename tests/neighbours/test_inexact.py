"""Searches that may miss neighbours say how many they found, and give exact distances."""

import numpy as np
import pytest

from lm_geometry.neighbours import fixed_point, inexact, neighbour_graph
from lm_geometry.neighbours.graph_of_cloud import Search
from tests.exact_neighbours import brute_force, cloud

INEXACT: tuple[Search, ...] = ("int8", "approximate")


def found_share(graph, X, k):
    order, _ = brute_force(X, k)
    return np.mean([np.isin(a, b).mean() for a, b in zip(order, graph.indices, strict=True)])


@pytest.mark.parametrize("search", INEXACT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distances_are_exact_and_nearly_all_neighbours_are_found(search, dtype):
    X = cloud(900, dtype=dtype)
    X[:, 7] += 3000
    X[[5, 600], 3] = [26000, -26000]
    graph = neighbour_graph(X, 30, search=search, audit=900)
    exact = np.linalg.norm(
        X[:, None].astype(np.float64) - X[graph.indices].astype(np.float64), axis=2
    )
    np.testing.assert_allclose(graph.distances, exact, rtol=1e-12)
    assert (np.diff(graph.distances, axis=1) >= 0).all()
    assert graph.recall > 0.99
    assert graph.recall == pytest.approx(found_share(graph, X, 30), abs=1e-12)
    assert graph.backend == {"int8": "own", "approximate": "faiss"}[search]


def test_neighbours_that_int8_misses_are_counted_and_told(monkeypatch):
    monkeypatch.setattr(inexact, "SPARE", 0)
    monkeypatch.setattr(fixed_point, "MOST", 3 * 256)  # 2 bits and a sign
    X = cloud(900)
    with pytest.warns(RuntimeWarning, match=r"in int8 found 0\.\d+ of the neighbours of 900"):
        graph = neighbour_graph(X, 10, search="int8", audit=900)
    assert 0.5 < graph.recall < 0.999
    assert graph.recall == pytest.approx(found_share(graph, X, 10), abs=1e-12)
    assert graph.nearest(5).recall == graph.recall


def test_the_audit_is_drawn_by_the_seed():
    X = cloud(900)
    graph = neighbour_graph(X, 10, search="approximate", audit=900)
    lists = graph.indices, np.where(np.arange(900)[:, None] < 450, np.inf, graph.distances)
    audits = [inexact.measured_recall(X, lists, 20, seed) for seed in (0, 0, 1, 2)]
    assert audits[0] == audits[1]
    assert len(set(audits)) > 1
    assert np.mean([inexact.measured_recall(X, lists, 200, s) for s in range(9)]) == pytest.approx(
        0.5, abs=0.05
    )


def test_one_seed_and_one_thread_make_one_graph(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    X = cloud(900)
    once, again = (neighbour_graph(X, 20, search="approximate", seed=3) for _ in range(2))
    np.testing.assert_array_equal(once.indices, again.indices)


@pytest.mark.parametrize("search", INEXACT)
def test_copies_and_tiny_clouds(search):
    X = np.repeat(cloud(40), 3, axis=0)
    graph = neighbour_graph(X, 5, search=search)
    assert (graph.distances[:, :2] == 0).all()
    assert (graph.distances[:, 2:] > 0).all()
    assert graph.recall == 1
    np.testing.assert_array_equal(graph.distances, neighbour_graph(X, 5).distances)
    few = neighbour_graph(cloud(3), 2, search=search)
    np.testing.assert_array_equal(np.sort(few.indices), [[1, 2], [0, 2], [0, 1]])


@pytest.mark.parametrize("search", INEXACT)
def test_degenerate_clouds(search):
    rng = np.random.default_rng(0)
    line, pair = rng.standard_normal((300, 1)), np.repeat([[0.0, 0.0], [3.0, 4.0]], 5, axis=0)
    constant = np.c_[rng.standard_normal((300, 2)), np.full((300, 5), 7.0)]
    zeros = np.r_[np.zeros((30, 8)), rng.standard_normal((300, 8))]
    massive = cloud(300)
    massive[::3] *= 1000
    for X, k in ((line, 10), (pair, 6), (constant, 10), (zeros, 40), (massive, 10)):
        graph = neighbour_graph(X, k, search=search, audit=len(X))
        np.testing.assert_allclose(graph.distances, brute_force(X, k)[1], rtol=1e-12)
        assert graph.recall == 1
    assert (neighbour_graph(np.ones((9, 3)), 8, search=search).distances == 0).all()
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows: 1"):
        neighbour_graph(np.array([[0.0], [np.nan], [1.0]]), 1, search=search)


def test_an_exact_search_has_nothing_to_measure():
    assert neighbour_graph(cloud(50), 5).recall == 1


def test_what_cannot_be_is_refused():
    X = cloud(20)
    with pytest.raises(ValueError, match="search is 'fast'; it must be exact, int8 or approximate"):
        neighbour_graph(X, 2, search="fast")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="backend is 'torch', but search='int8' needs own or auto"):
        neighbour_graph(X, 2, "torch", "int8")
    with pytest.raises(ValueError, match="audit is 0; at least one token"):
        neighbour_graph(X, 2, search="int8", audit=0)
