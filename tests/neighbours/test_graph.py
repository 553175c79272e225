"""Nearest neighbours are those of a brute-force search in float64, for every backend and cloud."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry.neighbours import blocked, neighbour_graph, search, with_torch
from lm_geometry.neighbours.graph_of_cloud import Backend
from tests.exact_neighbours import brute_force, check_exact, cloud, rows_redone

BACKENDS: tuple[Backend, ...] = ("own", "torch", "faiss")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_backend_finds_the_neighbours_of_a_brute_force_search(backend, dtype):
    graph = check_exact(cloud(dtype=dtype), 40, backend)
    assert graph.backend == backend
    assert graph.indices.dtype == np.int32
    assert graph.distances.dtype == np.float64


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_coordinates_at_3000_lose_no_neighbour(backend):
    X = cloud()
    X[:, 7] += 3000
    X[:, 11] -= 3000
    check_exact(X, 40, backend)


def test_backends_agree_to_the_bit():
    X = cloud(1500)
    graphs = [neighbour_graph(X, 64, backend) for backend in BACKENDS]
    for graph in graphs[1:]:
        np.testing.assert_array_equal(graph.indices, graphs[0].indices)
        np.testing.assert_array_equal(graph.distances, graphs[0].distances)


def test_a_distance_has_the_same_bits_wherever_it_is_measured():
    X = cloud(130, 77)
    everyone = np.tile(np.arange(130, dtype=np.int32), (130, 1))
    others = everyone[everyone != np.arange(130)[:, None]].reshape(130, 129)
    rows, count = np.arange(130), np.full(130, 129)
    indices, distances = search.measured(X, rows, rows, others, count, 129)
    one_by_one = search.nearest_of_all(X, rows, 129)
    np.testing.assert_array_equal(indices, one_by_one[0])
    np.testing.assert_array_equal(distances, one_by_one[1])
    matrix = np.zeros((130, 130))
    np.put_along_axis(matrix, indices.astype(np.int64), distances, axis=1)
    np.testing.assert_array_equal(matrix, matrix.T)


def test_a_device_measures_as_the_processor_does():
    X = cloud()
    X[5] = X[4] + 1e-4
    order, distances = brute_force(X, 40)
    shuffled = np.random.default_rng(0).permuted(order.astype(np.int32), axis=1)
    found = with_torch.measured(X, shuffled, 30, "cpu")
    np.testing.assert_array_equal(found[0], order[:, :30])
    np.testing.assert_allclose(found[1], distances[:, :30], rtol=1e-14)
    ties = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), axis=-1).reshape(-1, 3)
    order, _ = brute_force(ties, 124)
    shuffled = np.random.default_rng(0).permuted(order.astype(np.int32), axis=1)
    np.testing.assert_array_equal(with_torch.measured(ties, shuffled, 20, "cpu")[0], order[:, :20])


def test_a_graph_made_on_a_device_is_exact(monkeypatch):
    monkeypatch.setitem(with_torch.BLOCK_BYTES, "cpu", 2**16)
    monkeypatch.setattr(search, "_is_gpu", lambda device: True)
    check_exact(cloud(), 40, "torch")


def test_the_search_by_blocks_agrees_with_the_search_at_once(monkeypatch):
    X = cloud(1111)
    at_once = neighbour_graph(X, 64)
    monkeypatch.setattr(blocked, "WHOLE", 300)
    monkeypatch.setattr(blocked, "BLOCK", 128)
    by_blocks = neighbour_graph(X, 64)
    np.testing.assert_array_equal(at_once.indices, by_blocks.indices)
    np.testing.assert_array_equal(at_once.distances, by_blocks.distances)


def test_blocks_are_right_for_sorted_and_for_clustered_clouds(monkeypatch):
    monkeypatch.setattr(blocked, "WHOLE", 100)
    monkeypatch.setattr(blocked, "BLOCK", 64)
    rng = np.random.default_rng(1)
    line = np.sort(rng.standard_normal(900))[:, None] * np.ones(3)
    check_exact((line + 1e-3 * rng.standard_normal((900, 3))).astype(np.float32), 20)
    check_exact(np.repeat(cloud(30), 30, axis=0) + 1e-2 * cloud(900, seed=2), 20)


def test_lists_that_end_too_short_are_searched_again(monkeypatch):
    monkeypatch.setattr(blocked, "WHOLE", 100)
    monkeypatch.setattr(blocked, "RANK", 0.0)  # bounds too low for most tokens
    check_exact(cloud(1111, seed=1), 64)
    check_exact(cloud(1111, seed=1, dtype="float64"), 200)


def test_what_float32_cannot_tell_apart_is_searched_again_in_float64(monkeypatch):
    X = cloud(400, dtype="float64")
    X[100:200] = X[100] + 1e-5 * cloud(100, seed=3, dtype="float64")
    redone = rows_redone(monkeypatch, X, 30)
    assert redone["double"] >= 100
    assert redone["all"] == 0


def test_ties_are_broken_by_index(monkeypatch):
    grid = np.stack(np.meshgrid(*[np.arange(6.0)] * 4), axis=-1).reshape(-1, 4)
    redone = rows_redone(monkeypatch, grid, 40)
    assert redone["all"] > 50


def test_an_ordinary_cloud_is_proved_in_float32(monkeypatch):
    assert rows_redone(monkeypatch, cloud(1000), 64) == {"double": 0, "all": 0}


def test_near_duplicates_at_a_thousandth_of_the_distance():
    X = cloud(600)
    X[1::2] = X[::2] + 1e-3 * cloud(300, seed=4)
    check_exact(X, 1)
    check_exact(X, 16)


def test_massive_activations():
    X = cloud(500)
    X[[3, 77, 410], 5] = [26000, -26010, 25990]
    check_exact(X, 32)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9])
def test_copies_of_a_row_are_neighbours_at_distance_0(share):
    X = cloud(300)
    rng = np.random.default_rng(5)
    copies = rng.choice(300, int(share * 300), replace=False)
    X[copies] = X[rng.choice(40, len(copies))]
    check_exact(X, 25)


@pytest.mark.parametrize("k", [1, 5, 19])
def test_all_rows_equal(k):
    graph = neighbour_graph(np.ones((20, 4), np.float32), k)
    assert (graph.distances == 0).all()
    others = [[j for j in range(20) if j != i][:k] for i in range(20)]
    np.testing.assert_array_equal(graph.indices, others)


def test_zero_and_minus_zero_are_the_same_row():
    X = cloud(50)
    X[4] = 0.0
    X[31] = -0.0
    graph = check_exact(X, 5)
    assert graph.indices[31, 0] == 4
    assert graph.distances[31, 0] == 0


def test_all_others_can_be_neighbours_and_one_dimension_is_enough():
    rng = np.random.default_rng(6)
    check_exact(rng.standard_normal((3, 1)), 2)
    check_exact(rng.standard_normal((200, 1)).astype(np.float32), 199)
    constant = np.c_[rng.standard_normal((200, 2)), np.full((200, 5), 7.0)]
    check_exact(constant, 10)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_size_of_the_numbers_does_not_matter(scale):
    check_exact((cloud(dtype="float64") * scale).astype(np.float32), 20)
    check_exact(cloud(dtype="float64") * scale**3, 20)


def test_inputs_of_every_kind_give_the_same_graph(tmp_path):
    X = cloud().astype(np.float16)
    expected = neighbour_graph(X.astype(np.float64), 20)
    mapped = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, X.shape)
    mapped[:] = X
    kinds = [X, X.astype(np.float32), mapped, np.asfortranarray(X), torch.from_numpy(X)]
    for kind in [*kinds, torch.from_numpy(X).double().requires_grad_()]:
        np.testing.assert_array_equal(neighbour_graph(kind, 20).distances, expected.distances)
    rounded = torch.from_numpy(X).bfloat16()
    np.testing.assert_array_equal(
        neighbour_graph(rounded, 20).distances, neighbour_graph(rounded.double(), 20).distances
    )


def test_the_input_is_not_written_to():
    X = cloud()
    X.flags.writeable = False
    before = X.copy()
    neighbour_graph(X, 20)
    np.testing.assert_array_equal(X, before)


def test_fewer_neighbours_are_the_beginning_of_more():
    X = cloud()
    fewer, more = neighbour_graph(X, 16), neighbour_graph(X, 50).nearest(16)
    np.testing.assert_array_equal(fewer.indices, more.indices)
    with pytest.raises(ValueError, match="n_neighbors is 51, but the graph has 50"):
        neighbour_graph(X, 50).nearest(51)


@settings(max_examples=25)
@given(
    n=st.integers(3, 90),
    width=st.integers(1, 20),
    levels=st.integers(1, 30),
    seed=st.integers(0, 2**20),
    data=st.data(),
)
def test_clouds_full_of_ties_and_copies(n, width, levels, seed, data):
    X = np.random.default_rng(seed).integers(0, levels, (n, width)).astype(np.float32)
    check_exact(X, data.draw(st.integers(1, n - 1)), data.draw(st.sampled_from(BACKENDS)))


@pytest.mark.parametrize(
    ("X", "k", "message"),
    [
        (np.ones((5, 3)), 5, "n_neighbors is 5, but X has 5 tokens: it must be from 1 to 4"),
        (np.ones((5, 3)), 0, "n_neighbors is 0"),
        (np.ones((2, 3)), 1, "X has 2 tokens; at least 3 are needed"),
        (np.ones((0, 3)), 1, "X has 0 tokens"),
        (np.ones(7), 1, r"X has shape \(7,\); a point cloud is \[tokens, width\]"),
        (np.ones((7, 0)), 1, r"X has shape \(7, 0\)"),
        (np.full((4, 2), 1e160) * np.arange(4)[:, None], 1, "overflow float64"),
    ],
)
def test_input_without_neighbours_is_refused(X, k, message):
    with pytest.raises(ValueError, match=message):
        neighbour_graph(X, k)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_named(value):
    X = cloud(50)
    X[[7, 33], 2] = value
    with pytest.raises(ValueError, match=r"NaN or infinite values in 2 rows: 7, 33$"):
        neighbour_graph(X, 5)


def test_overflow_of_float16_is_explained():
    X = cloud(50)
    X[9] = 1e5
    with np.errstate(over="ignore"):
        half = X.astype(np.float16)
    with pytest.raises(ValueError, match=r"1 rows: 9 .float16 ends at 65504"):
        neighbour_graph(half, 5)


def test_other_types_and_backends_are_refused():
    with pytest.raises(ValueError, match="complex128"):
        neighbour_graph(np.ones((5, 3), complex), 2)
    with pytest.raises(
        ValueError, match="backend is 'gpu'; it must be auto, own, torch, torch-int8, faiss"
    ):
        neighbour_graph(cloud(10), 2, backend="gpu")  # pyright: ignore[reportArgumentType]
