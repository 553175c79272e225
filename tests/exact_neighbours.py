"""Nearest neighbours by brute force in float64, and clouds to find them in."""

import numpy as np
from scipy.spatial.distance import cdist

from lm_geometry.neighbours import neighbour_graph, search
from lm_geometry.neighbours.graph_of_cloud import Backend


def brute_force(X, k):
    distances = cdist(X.astype(np.float64), X.astype(np.float64))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def check_exact(X, k, backend: Backend = "own"):
    graph = neighbour_graph(X, k, backend)
    order, distances = brute_force(X, k)
    np.testing.assert_array_equal(graph.indices, order)
    np.testing.assert_allclose(graph.distances, distances, rtol=1e-12, atol=1e-300)
    return graph


def cloud(n=700, width=48, dimension=8, seed=0, dtype="float32"):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, dimension)) @ rng.standard_normal((dimension, width))
    return (X + 0.1 * rng.standard_normal((n, width))).astype(dtype)


def rows_redone(monkeypatch, X, k):
    """How many tokens were searched again in float64, and measured against all others."""
    redone = {"double": 0, "all": 0}
    of_rows, one_by_one = search._of_rows, search._one_by_one

    def count_double(X, rows, *rest):
        redone["double"] += len(rows)
        return of_rows(X, rows, *rest)

    def count_all(X, rows, lists):
        redone["all"] += len(rows)
        one_by_one(X, rows, lists)

    monkeypatch.setattr(search, "_of_rows", count_double)
    monkeypatch.setattr(search, "_one_by_one", count_all)
    check_exact(X, k)
    return redone
