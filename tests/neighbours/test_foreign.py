"""Neighbours of other packages are taken where they are right, and refused with row and rule."""

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from lm_geometry import NeighbourGraph, global_dimension, gride, local_dimension, neighbour_graph

N, K = 90, 12


def cloud(seed=0, n=N):
    return np.random.default_rng(seed).standard_normal((n, 6)) * np.geomspace(1, 0.2, 6)


def arrays(seed=0):
    """Exact indices and distances of a cloud, to be spoilt."""
    graph = neighbour_graph(cloud(seed), K)
    return graph.indices.copy(), graph.distances.copy()


def test_those_of_scikit_learn_give_our_graph_and_our_estimates():
    X = cloud()
    found = NearestNeighbors(n_neighbors=40, algorithm="brute").fit(X).kneighbors()
    graph = NeighbourGraph.from_arrays(found[1], found[0], X)
    ours = neighbour_graph(X, 40)
    np.testing.assert_array_equal(graph.indices, ours.indices)
    np.testing.assert_allclose(graph.distances, ours.distances, rtol=1e-9)
    assert (graph.backend, graph.recall) == ("given", 1.0)
    np.testing.assert_allclose(gride(X, 32).dimension, gride_of(graph), rtol=1e-6)
    for name in ("twonn", "mle", "lpca", "ca_pca"):
        expected = local_dimension(X, 20, name)
        np.testing.assert_allclose(local_dimension(X, 20, name, graph=graph), expected, rtol=1e-6)
    assert global_dimension(X, graph=graph) == pytest.approx(global_dimension(X), rel=1e-6)


def gride_of(graph):
    from lm_geometry.dimension.gride import from_graph

    return from_graph(graph, 32).dimension


def test_those_of_faiss_are_squared_and_begin_with_the_token_itself():
    X = cloud().astype(np.float32)
    index = faiss.IndexFlatL2(6)
    index.add(X)
    squares, tokens = index.search(X, K + 1)
    with pytest.raises(
        ValueError,
        match=r"row 0 has 0 at place 0 \(90 rows\): no token is its own "
        "neighbour; leave out the first column",
    ):
        NeighbourGraph.from_arrays(tokens, squares)
    tokens, squares = tokens[:, 1:], np.maximum(squares[:, 1:], 0)
    with pytest.raises(ValueError, match="distances are Euclidean ones of X; these are their squ"):
        NeighbourGraph.from_arrays(tokens, squares, X)
    graph = NeighbourGraph.from_arrays(tokens, np.sqrt(squares), X)
    assert (graph.indices.dtype, graph.distances.dtype) == (np.int32, np.float64)
    assert graph.recall == 1


def test_recall_is_the_share_of_true_neighbours_and_unknown_without_the_cloud():
    X, (indices, distances) = cloud(), arrays()
    assert np.isnan(NeighbourGraph.from_arrays(indices, distances).recall)
    longer = neighbour_graph(X, K + 6)
    missed = NeighbourGraph.from_arrays(longer.indices[:, 3:-3], longer.distances[:, 3:-3], X)
    assert missed.recall == pytest.approx((K - 3) / K)  # the first 3 of 12 are not there
    drawn = [NeighbourGraph.from_arrays(indices, distances, X, sample=5, seed=3) for _ in "ab"]
    assert drawn[0].recall == drawn[1].recall == 1


def test_copies_are_neighbours_at_no_distance():
    X = cloud()
    X[40:50] = X[:10]
    own = neighbour_graph(X, K)
    graph = NeighbourGraph.from_arrays(own.indices, own.distances, X)
    np.testing.assert_array_equal(graph.indices, own.indices)
    assert graph.recall == 1


def spoilt(change):
    indices, distances = arrays()
    change(indices, distances)
    return indices, distances


def place(array, row, rank, value):
    array[row, rank] = value


RULES = {
    r"row 7 has 90 at place 2 \(1 rows\): a neighbour is a row from 0 to 89": lambda i, d: place(
        i, 7, 2, 90
    ),
    r"row 3 has -1 at place 11 \(1 rows\): a neighbour is a row": lambda i, d: place(i, 3, 11, -1),
    r"row 5 has 5 at place 4 \(1 rows\): no token is its own neighbour$": lambda i, d: place(
        i, 5, 4, 5
    ),
    r"row 8 has (\d+) at place 9 \(1 rows\): no neighbour comes twice": lambda i, d: place(
        i, 8, 9, i[8, 1]
    ),
    r"row 2 has nan at place 0 \(1 rows\): a distance is a finite number": lambda i, d: place(
        d, 2, 0, np.nan
    ),
    r"row 2 has inf at place 11 \(1 rows\): a distance is a finite": lambda i, d: place(
        d, 2, 11, np.inf
    ),
    r"row 6 has -0\.5 at place 0 \(1 rows\): no distance is negative": lambda i, d: place(
        d, 6, 0, -0.5
    ),
    r"row 1 has 0\.0 at place 3 \(1 rows\): distances are sorted, nearest": lambda i, d: place(
        d, 1, 3, 0.0
    ),
}


@pytest.mark.parametrize("message", list(RULES))
def test_what_is_wrong_is_named_with_its_row_and_the_rule(message):
    with pytest.raises(ValueError, match=message):
        NeighbourGraph.from_arrays(*spoilt(RULES[message]))


@settings(max_examples=60)
@given(row=st.integers(0, N - 1), rank=st.integers(0, K - 1), factor=st.sampled_from([0.9, 1.2]))
def test_a_distance_that_is_not_that_of_the_cloud_is_found(row, rank, factor):
    indices, distances = arrays()
    distances[row, rank] *= factor
    with pytest.raises(ValueError, match=f"^row {row} has .*(in X it is|distances are sorted)"):
        NeighbourGraph.from_arrays(indices, distances, cloud(), sample=N)


def test_shapes_and_types_that_do_not_fit_are_named():
    indices, distances = arrays()
    make = NeighbourGraph.from_arrays
    with pytest.raises(ValueError, match=r"shape \(90, 12\) and distances \(90, 11\); equal"):
        make(indices, distances[:, 1:])
    with pytest.raises(ValueError, match=r"shape \(12,\) and distances \(12,\); equal"):
        make(indices[0], distances[0])
    with pytest.raises(ValueError, match="indices are float64 and distances float64; whole numb"):
        make(indices.astype(float), distances)
    with pytest.raises(ValueError, match="indices are int32 and distances int32; whole numbers"):
        make(indices, indices)
    with pytest.raises(ValueError, match="90 rows have 0 neighbours each; from 1 to 89"):
        make(indices[:, :0], distances[:, :0])
    with pytest.raises(ValueError, match="X has 80 tokens, but there are 90 rows"):
        make(indices, distances, cloud()[:80])
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows: 4"):
        make(indices, distances, np.where(np.arange(N)[:, None] == 4, np.nan, cloud()))
    with pytest.raises(ValueError, match="sample is 0; at least one token"):
        make(indices, distances, cloud(), sample=0)


@pytest.mark.parametrize("power", [-530, 530])
def test_clouds_of_any_size_are_checked(power):
    X = np.ldexp(cloud(), power)
    own = neighbour_graph(X, K) if power < 0 else None
    if own is None:
        own = neighbour_graph(cloud(), K)
        own = NeighbourGraph(own.indices, np.ldexp(own.distances, power), "own")
    assert NeighbourGraph.from_arrays(own.indices, own.distances, X).recall == 1
