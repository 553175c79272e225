"""Every observable equals its definition, written out the slow way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.spatial.distance import cdist, directed_hausdorff
from scipy.stats import entropy, ortho_group, rankdata

from lm_geometry import (
    deduplicate,
    effective_rank,
    hausdorff,
    information_imbalance,
    linear_cka,
    mean_cosine,
    nearest_neighbour_angle,
    neighbourhood_overlap,
    norms,
    participation_ratio,
    reciprocity,
)
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.observables.cosine import cosine
from lm_geometry.observables.overlap import overlap_from_indices
from lm_geometry.observables.spectrum import spectrum
from lm_geometry.point_cloud import identical


def cloud(n=200, width=24, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, width)) * np.geomspace(1, 0.1, width) + 0.5).astype(dtype)


@pytest.mark.parametrize("noise", [0.0, 0.3, 30.0])
def test_overlap_is_the_share_of_common_neighbours_for_every_k(noise):
    A = cloud()
    B = A + noise * cloud(seed=1)
    near_a, near_b = neighbour_graph(A, 31).indices, neighbour_graph(B, 31).indices
    expected = [
        sum(len(set(a[:k]) & set(b[:k])) for a, b in zip(near_a, near_b, strict=True)) / (200 * k)
        for k in range(1, 32)
    ]
    np.testing.assert_array_equal(neighbourhood_overlap(A, B), expected)
    np.testing.assert_array_equal(overlap_from_indices(near_a, near_b), expected)
    assert (neighbourhood_overlap(A, A, 7) == np.ones(7)).all()


def test_overlap_does_not_depend_on_widths_but_on_the_tokens():
    A = cloud()
    assert (neighbourhood_overlap(A, np.pad(A, ((0, 0), (0, 9))), 5) == 1).all()
    with pytest.raises(ValueError, match="A has 200 tokens and B has 199"):
        neighbourhood_overlap(A, A[1:])
    with pytest.raises(ValueError, match=r"shapes \(200, 3\) and \(200, 4\)"):
        overlap_from_indices(np.zeros((200, 3), int), np.zeros((200, 4), int))


@pytest.mark.parametrize("shape", [(200, 24), (20, 60)])
@pytest.mark.parametrize("diagonal", [True, False])
def test_cosines_of_all_pairs(shape, diagonal):
    X = cloud(*shape, dtype="float32")
    pairs = 1 - cdist(X, X, "cosine")
    if not diagonal:
        pairs = pairs[~np.eye(len(X), dtype=bool)]
    assert mean_cosine(X, diagonal) == pytest.approx(pairs.mean(), rel=1e-10)
    assert cosine(X, diagonal).mean == pytest.approx(pairs.mean(), rel=1e-10)
    assert cosine(X, diagonal).deviation == pytest.approx(pairs.std(), rel=1e-10)


def test_vectors_without_a_direction_have_no_cosine():
    X = cloud(10)
    X[3] = 0
    for function in (mean_cosine, cosine, nearest_neighbour_angle):
        with pytest.raises(ValueError, match=r"X has 1 zero rows \(first: 3\)"):
            function(X)
    assert cosine(np.ones((5, 3))) == pytest.approx((1, 0), abs=1e-7)


def test_angle_to_the_nearest_neighbour():
    X = cloud()
    distances = cdist(X, X) + np.diag(np.full(200, np.inf))
    nearest = distances.argmin(axis=1)
    pairs = 1 - np.array([cdist(X[[i]], X[[j]], "cosine")[0, 0] for i, j in enumerate(nearest)])
    np.testing.assert_allclose(nearest_neighbour_angle(X), np.arccos(pairs), rtol=1e-9)
    graph = neighbour_graph(X, 5)
    np.testing.assert_array_equal(nearest_neighbour_angle(X, graph), nearest_neighbour_angle(X))
    with pytest.raises(ValueError, match="X has 90 tokens, but its graph has 200"):
        nearest_neighbour_angle(X[:90], graph)


def test_small_and_flat_angles_are_accurate():
    for angle in (1e-9, 1e-3, np.pi / 2, np.pi - 1e-9):
        X = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)], [0.0, -50.0]])
        assert nearest_neighbour_angle(X)[0] == pytest.approx(angle, rel=1e-7)


def test_reciprocity_counts_mutual_pairs():
    graph = neighbour_graph(cloud(), 20)
    for k in (1, 7, 20):
        near = [set(row[:k].tolist()) for row in graph.indices]
        mutual = np.mean([i in near[j] for i in range(200) for j in near[i]])
        assert reciprocity(graph, k) == pytest.approx(mutual, rel=1e-12)
        assert reciprocity(cloud(), k) == reciprocity(graph, k)
    with pytest.raises(ValueError, match="n_neighbors is 21, but the graph has 20 per token"):
        reciprocity(graph, 21)


@pytest.mark.parametrize("sizes", [(150, 150), (90, 150), (150, 1)])
@pytest.mark.parametrize("noise", [0.01, 3.0])
def test_hausdorff_distances_are_those_of_scipy(sizes, noise):
    A = cloud(sizes[0], dtype="float32")
    B = np.resize(A, (sizes[1], 24)) + noise * cloud(sizes[1], seed=1)
    forward, backward = directed_hausdorff(A, B)[0], directed_hausdorff(B, A)[0]
    found = hausdorff(A, B)
    assert found == pytest.approx((forward, backward), rel=1e-12)
    assert found.distance == max(found)
    assert hausdorff(A, A) == (0, 0)


def test_hausdorff_needs_equal_widths():
    with pytest.raises(ValueError, match="A has width 24 and B 3; they must agree"):
        hausdorff(cloud(), cloud(200, 3))


def test_information_imbalance_is_the_mean_rank_of_the_nearest():
    A, B = cloud(), cloud()[:, :3] + 0.1 * cloud(200, 3, seed=1)
    ranks = []
    for X in (A, B):
        distances = cdist(X, X)
        np.fill_diagonal(distances, np.inf)
        ranks.append(np.apply_along_axis(rankdata, 1, distances, "ordinal"))
    forward = 2 / 200 * ranks[1][ranks[0] == 1].mean()
    backward = 2 / 200 * ranks[0][ranks[1] == 1].mean()
    found = information_imbalance(A, B)
    assert found == pytest.approx((forward, backward), rel=1e-12)
    assert found.forward < found.backward  # A holds what B is made of, not the reverse
    assert information_imbalance(A, 3 * A) == pytest.approx((2 / 200, 2 / 200))


@pytest.mark.parametrize("k", [1, 2, 9, 199])
def test_information_imbalance_of_several_neighbours_is_their_mean_rank(k):
    A = cloud().round(1)
    A[7], B = A[3], A[:, :3].round()  # a copy, and many ties
    squares = [
        ((X[:, None] - X) ** 2).sum(axis=2)
        for X in np.round([10 * A, 10 * np.pad(B, ((0, 0), (0, 21)))])
    ]  # of whole numbers, so that ties are exact
    for square in squares:
        np.fill_diagonal(square, np.inf)
    orders = [np.argsort(square, axis=1, kind="stable") for square in squares]
    ranks = [np.argsort(order, axis=1) + 1 for order in orders]
    expected = [
        2 / 200 * np.take_along_axis(ranks[b], orders[a][:, :k], axis=1).mean()
        for a, b in ((0, 1), (1, 0))
    ]
    found = information_imbalance(np.round(10 * A), np.round(10 * B), k)
    assert found == pytest.approx(expected, rel=1e-12)
    assert information_imbalance(A, 2 * A, k) == pytest.approx((k + 1, k + 1) / np.array(200))


@pytest.mark.filterwarnings("ignore:Subset size greater")
@pytest.mark.parametrize("k", [1, 7])
def test_information_imbalance_is_that_of_dadapy(k):
    dadapy = pytest.importorskip("dadapy", exc_type=ImportError)
    A, B = cloud(), cloud()[:, :3] + 0.1 * cloud(200, 3, seed=1)
    data = dadapy.Data(coordinates=A, maxk=199)
    theirs = data.return_information_imbalace(B, subset_size=200, k=k)
    assert information_imbalance(A, B, k) == pytest.approx([pair[0] for pair in theirs], rel=1e-12)


def test_information_imbalance_needs_neighbours_that_are_there():
    with pytest.raises(ValueError, match="n_neighbors is 200, but X has 200 tokens"):
        information_imbalance(cloud(), cloud(), 200)
    with pytest.raises(ValueError, match="n_neighbors is 0, but X has 200 tokens"):
        information_imbalance(cloud(), cloud(), 0)


def test_linear_cka_is_the_alignment_of_the_centred_kernels():
    A, B = cloud(), cloud(200, 5, seed=1) @ np.ones((5, 7)) + cloud(200, 7)
    centring = np.eye(200) - 1 / 200
    kernels = [centring @ X @ X.T @ centring for X in (A, B)]
    inner = [np.sum(K * L) for K, L in ((kernels[0], kernels[1]), kernels[:1] * 2, kernels[1:] * 2)]
    expected = inner[0] / np.sqrt(inner[1] * inner[2])
    assert linear_cka(A, B) == pytest.approx(expected, rel=1e-10)
    rotation = ortho_group.rvs(24, random_state=0)
    assert linear_cka(A, 7 * A @ rotation + 1) == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize("shape", [(200, 24), (20, 60)])
def test_the_spectrum_and_what_is_made_of_it(shape):
    X = cloud(*shape)
    values = np.sort(np.linalg.eigvalsh(np.cov(X.T)))[::-1][: min(shape)]
    np.testing.assert_allclose(spectrum(X), values, rtol=1e-9, atol=1e-12 * values[0])
    pr = values.sum() ** 2 / (values**2).sum()
    assert participation_ratio(X) == pytest.approx(pr, rel=1e-9)
    positive = values[values > 1e-12]
    assert effective_rank(X) == pytest.approx(np.exp(entropy(positive)), rel=1e-7)


def test_few_tokens_bias_them_as_they_say():
    n, w = 150, 60
    A, B = np.random.default_rng(0).standard_normal((2, n, w))
    assert participation_ratio(A) == pytest.approx(w * n / (w + n), rel=0.02)
    assert linear_cka(A, B) == pytest.approx(w / (n + w), rel=0.03)
    assert linear_cka(A, B[:, :20]) == pytest.approx(
        np.sqrt(w * 20 / ((n + w) * (n + 20))), rel=0.05
    )
    assert neighbourhood_overlap(A, B)[-1] == pytest.approx(31 / (n - 1), rel=0.05)
    assert information_imbalance(A, B) == pytest.approx((1, 1), rel=0.1)
    with_diagonal, without = mean_cosine(A), mean_cosine(A, diagonal=False)
    assert with_diagonal - without == pytest.approx((1 - without) / n, rel=1e-10)


def test_linear_cka_of_few_tokens_is_that_of_many():
    A, B = cloud(20, 60), cloud(20, 50, seed=1)
    centred = [X - X.mean(axis=0) for X in (A, B)]
    products = [np.linalg.norm(X.T @ Y) for X, Y in (centred, centred[:1] * 2, centred[1:] * 2)]
    expected = products[0] ** 2 / (products[1] * products[2])
    assert linear_cka(A, B) == pytest.approx(expected, rel=1e-12)


def test_flat_clouds_fill_as_many_directions_as_they_have():
    square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) @ np.eye(2, 9)
    assert participation_ratio(square + 3000) == pytest.approx(2)
    assert effective_rank(square + 3000) == pytest.approx(2)
    assert np.isnan([participation_ratio(np.ones((4, 3))), effective_rank(np.ones((4, 3)))]).all()
    assert np.isnan(linear_cka(np.ones((4, 3)), square))


def test_norms():
    X = cloud(5000, 7, dtype="float32")
    np.testing.assert_allclose(norms(X), np.linalg.norm(X.astype(float), axis=1), rtol=1e-14)


ROWS = arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    array_shapes(min_dims=2, max_dims=2, max_side=20),
    elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5]),
)


@settings(max_examples=60)
@given(ROWS)
def test_deduplication_keeps_the_first_of_equal_rows_in_order(X):
    seen, expected = set(), []
    for i, row in enumerate(X + 0.0):
        if tuple(row) not in seen:
            expected.append(i)
        seen.add(tuple(row))
    kept = deduplicate(X)
    assert kept.dtype == np.int64
    np.testing.assert_array_equal(kept, expected)


def test_deduplication_keeps_near_duplicates_and_survives_collisions(monkeypatch):
    X = cloud(300, dtype="float32")
    X[100:200] = np.nextafter(X[:100], np.float32(np.inf))
    X[200:] = X[100:200]
    np.testing.assert_array_equal(deduplicate(X), np.arange(200))

    def colliding(X):  # as they must be, equal for rows that are equal
        return np.arange(300, dtype=np.uint64) % 100 % 7, np.ones(300, bool)

    monkeypatch.setattr(identical, "row_hashes", colliding)
    np.testing.assert_array_equal(deduplicate(X), np.arange(200))
