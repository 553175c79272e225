"""The geometry of a prompt is what brute force in float64 finds, whatever the states are like."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from lm_geometry import gride
from lm_geometry.embed.prompts import layer_geometry, prompt_geometry
from lm_geometry.estimate import prompt_numbers
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.observables import reciprocity as observed
from lm_geometry.observables.angle import nearest_neighbour_angle
from lm_geometry.observables.overlap import neighbourhood_overlap

RANKS = 2 ** np.arange(9)
WAYS = [("float64", "own"), ("float32", "own"), ("float64", "torch"), ("float32", "torch")]
both = pytest.mark.parametrize(("precision", "backend"), WAYS)


def tokens(n=300, width=24, seed=0, massive=True):
    """States as a language model's: two huge coordinates and a first token far from all others."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 6)) @ rng.standard_normal((6, width))
    X += 0.3 * rng.standard_normal((n, width))
    if massive:
        X[:, :2] += [3000, -3000]
        X[0] *= 50
    return X.astype(np.float32)


def by_brute_force(X):
    """Squared distances sorted, and neighbours, of every token, ties by index, itself left out."""
    distances = cdist(X.astype(np.float64), X.astype(np.float64))
    np.fill_diagonal(distances, -1)
    order = np.argsort(distances, axis=1, kind="stable")[:, 1:]
    return np.take_along_axis(distances, order, axis=1), order


def all_cosines(X):
    units = X.astype(np.longdouble)
    units /= np.sqrt((units**2).sum(axis=1))[:, None]
    return units @ units.T


@both
@pytest.mark.parametrize("massive", [False, True])
def test_radii_and_neighbours_are_those_of_brute_force(precision, backend, massive):
    X = tokens(massive=massive)
    layer = layer_geometry(X, precision=precision, backend=backend)
    distances, order = by_brute_force(X)
    np.testing.assert_allclose(layer.radii, distances[:, RANKS - 1], rtol=1e-9)
    np.testing.assert_array_equal(layer.neighbours, order[:, :31])
    assert layer.missing == ""
    assert layer.distinct == 300


@both
def test_near_copies_are_measured_again(precision, backend):
    X = tokens().astype(np.float64)
    X[100:140] = X[100] + 1e-7 * np.random.default_rng(1).standard_normal((40, 24))
    X[200] = X[201] + 1e-9
    layer = layer_geometry(X, precision=precision, backend=backend)
    distances, order = by_brute_force(X)
    np.testing.assert_allclose(layer.radii, distances[:, RANKS - 1], rtol=1e-9)
    np.testing.assert_array_equal(layer.neighbours, order[:, :31])


@both
def test_ties_are_broken_by_index(precision, backend):
    grid = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3)
    layer = layer_geometry(grid, 128, precision=precision, backend=backend)
    squares = ((grid[:, None] - grid) ** 2).sum(axis=2)
    np.fill_diagonal(squares, -1)
    order = np.argsort(squares, axis=1, kind="stable")[:, 1:]
    np.testing.assert_array_equal(layer.neighbours, order[:, :31])
    sorted_squares = np.take_along_axis(squares, order, axis=1)
    np.testing.assert_allclose(layer.radii**2, sorted_squares[:, RANKS[:8] - 1], rtol=1e-15)


@both
def test_a_prompt_with_more_rows_than_one_block(precision, backend, monkeypatch):
    monkeypatch.setattr("lm_geometry.embed.prompts.centring.WHOLE", 128)
    monkeypatch.setattr("lm_geometry.embed.prompts.on_device.BLOCK", 10_000)
    X = tokens()
    layer = layer_geometry(X, precision=precision, backend=backend)
    distances, order = by_brute_force(X)
    np.testing.assert_allclose(layer.radii, distances[:, RANKS - 1], rtol=1e-9)
    np.testing.assert_array_equal(layer.neighbours, order[:, :31])


@both
def test_dimensions_are_those_of_exact_distances(precision, backend):
    X = np.stack([tokens(seed=seed) for seed in range(3)])
    result = prompt_numbers.dimension(prompt_geometry(X, precision=precision, backend=backend))
    for layer in range(3):
        expected = gride(X[layer])
        np.testing.assert_allclose(result.dimension[layer], expected.dimension, rtol=1e-8)
        np.testing.assert_allclose(result.error[layer], expected.error, rtol=1e-8)


@both
@pytest.mark.parametrize("massive", [False, True])
def test_cosines_by_definition(precision, backend, massive):
    X = tokens(massive=massive)
    X[7], X[8] = X[3], X[3]  # repeated tokens count as often as they come
    layer = layer_geometry(X, precision=precision, backend=backend)
    cosines = all_cosines(X)
    others = cosines[~np.eye(len(X), dtype=bool)]
    near = {"rel": 1e-9, "abs": 1e-13} if precision == "float64" else {"rel": 1e-4, "abs": 1e-8}
    assert layer.mean_cosine == pytest.approx(float(cosines.mean()), **near)
    assert layer.mean_cosine_off_diagonal == pytest.approx(float(others.mean()), **near)
    assert layer.cosine_deviation == pytest.approx(float(cosines.std()), **near)
    assert layer.cosine_deviation_off_diagonal == pytest.approx(float(others.std()), **near)


def test_nearly_parallel_tokens_keep_the_digits_of_their_cosines():
    X = tokens(massive=False) + np.float32(1e5)
    layer = layer_geometry(X)
    cosines = all_cosines(X)
    assert 1e-12 < cosines.std() < 1e-9
    assert layer.cosine_deviation == pytest.approx(float(cosines.std()), rel=1e-5)
    assert layer.cosine_deviation == pytest.approx(float((1 - cosines).std()), rel=1e-5)


@both
def test_angles_by_definition(precision, backend):
    X = tokens(massive=False)
    layer = layer_geometry(X, precision=precision, backend=backend)
    _, order = by_brute_force(X)
    exact = X.astype(np.float64)
    sides = [exact - exact[order[:, place]] for place in (0, 1)]
    cosine = (sides[0] * sides[1]).sum(axis=1)
    cosine /= np.linalg.norm(sides[0], axis=1) * np.linalg.norm(sides[1], axis=1)
    assert layer.angle_between_nearest == pytest.approx(np.arccos(cosine).mean(), rel=1e-12)
    to_nearest = nearest_neighbour_angle(X).mean()
    assert layer.angle_to_nearest == pytest.approx(to_nearest, rel=1e-12)


def test_an_equidistant_cloud_has_angles_of_60_degrees():
    assert layer_geometry(np.eye(12)).angle_between_nearest == pytest.approx(np.pi / 3)


def test_overlap_of_sets():
    X = tokens()
    layers = [X, X + tokens(seed=1), X + 3 * tokens(seed=2)]
    prompt = prompt_geometry(layers)
    near = [by_brute_force(layer)[1] for layer in layers]
    for a, b in [(0, 1), (1, 2), (0, 2)]:
        sets = [
            np.mean([len({*near[a][t][:k]} & {*near[b][t][:k]}) / k for t in range(300)])
            for k in range(1, 32)
        ]
        np.testing.assert_allclose(prompt_numbers.overlap(prompt, a, b), sets, rtol=1e-14)
    consecutive = [prompt_numbers.overlap(prompt, 0, 1), prompt_numbers.overlap(prompt, 1, 2)]
    np.testing.assert_array_equal(prompt_numbers.consecutive_overlap(prompt), consecutive)
    np.testing.assert_array_equal(prompt_numbers.overlap(prompt, 1, 1), np.ones(31))


def test_reciprocity_of_directed_graphs():
    X = tokens()
    result = prompt_numbers.reciprocity(prompt_geometry(X[None]))
    _, order = by_brute_force(X)
    graph = neighbour_graph(X, 31)
    for k in (1, 2, 7, 31):
        edges = np.zeros((300, 300), bool)
        np.put_along_axis(edges, order[:, :k], True, axis=1)
        share = (edges & edges.T).sum() / edges.sum()
        assert result[0, k - 1] == pytest.approx(share, rel=1e-14)
        assert observed.reciprocity(graph, k) == pytest.approx(share, rel=1e-14)


@both
def test_planted_copies_leave_the_dimension_as_it_is(precision, backend):
    X = tokens(1024, massive=False)
    clean = prompt_numbers.dimension(prompt_geometry(X[None]))
    rng = np.random.default_rng(3)
    copied = rng.permutation(1024)
    X[copied[:50]] = X[copied[50:100]]
    prompt = prompt_geometry(X[None], precision=precision, backend=backend)
    result = prompt_numbers.dimension(prompt)
    assert prompt.distinct[0] == 974
    assert result.points[0, 0] <= 974
    distinct = np.delete(X, np.maximum(copied[:50], copied[50:100]), axis=0)
    np.testing.assert_allclose(result.dimension[0], gride(distinct).dimension, rtol=1e-8)
    assert abs(result.dimension[0, 0] - clean.dimension[0, 0]) < 2 * clean.error[0, 0]
    np.testing.assert_array_equal(np.isnan(prompt.radii[0]).all(axis=1).nonzero()[0].size, 50)


@both
def test_repeated_tokens_are_neighbours_of_each_other(precision, backend):
    rng = np.random.default_rng(0)
    vocabulary = tokens(90, seed=4)
    A, B = vocabulary[rng.integers(0, 90, 400)], tokens(400, seed=5)
    B[:4] = B[0]
    prompt = prompt_geometry([A, B], precision=precision, backend=backend)
    for layer, X in enumerate((A, B)):
        np.testing.assert_array_equal(prompt.neighbours[layer], neighbour_graph(X, 31).indices)
    np.testing.assert_array_equal(prompt_numbers.overlap(prompt, 0, 1), neighbourhood_overlap(A, B))
    assert prompt.distinct[0] == len(np.unique(A, axis=0))
    assert prompt.missing[0].startswith("scales above 64: ")
    assert prompt.missing[1] == ""
    np.testing.assert_array_equal(
        np.isfinite(prompt_numbers.dimension(prompt).dimension[0]), RANKS[1:] <= 64
    )


def test_signed_zeros_are_equal():
    X = tokens(40, massive=False)
    X[5] = 0.0
    X[6] = -0.0
    for backend in ("own", "torch"):
        assert layer_geometry(X, 8, backend=backend).distinct == 39


@both
@pytest.mark.parametrize("distinct", [1, 2])
def test_too_few_distinct_tokens_are_told(precision, backend, distinct):
    X = tokens()[np.arange(300) % distinct]
    prompt = prompt_geometry([X, tokens()], precision=precision, backend=backend)
    reason = f"everything: {distinct} distinct tokens of 300, 3 are needed"
    assert prompt.missing == (reason, "")
    assert prompt.distinct.tolist() == [distinct, 300]
    assert np.isnan(prompt.radii[0]).all()
    assert np.isnan(prompt_numbers.dimension(prompt).dimension[0]).all()
    assert np.isfinite(prompt_numbers.dimension(prompt).dimension[1]).all()
    assert np.isnan(prompt_numbers.consecutive_overlap(prompt)).all()
    assert np.isnan(prompt_numbers.reciprocity(prompt)[0]).all()
    assert np.isnan([prompt.mean_cosine[0], prompt.angle_between_nearest[0]]).all()


@both
def test_a_prompt_of_five_tokens(precision, backend):
    X = tokens(5, massive=False)
    prompt = prompt_geometry([X, X[::-1]], precision=precision, backend=backend)
    distances, order = by_brute_force(X)
    np.testing.assert_allclose(prompt.radii[0, :, :3], distances[:, [0, 1, 3]], rtol=1e-9)
    assert np.isnan(prompt.radii[0, :, 3:]).all()
    np.testing.assert_array_equal(prompt.neighbours[0, :, :4], order)
    assert (prompt.neighbours[0, :, 4:] == -1).all()
    overlap = prompt_numbers.overlap(prompt, 0, 1)
    assert overlap[3] == pytest.approx(1.0)  # all but the token itself, on both sides
    assert np.isnan(overlap[4:]).all()
    wanted = "scales above 4: 5 distinct tokens, 257 are needed; overlap above k = 4: 5 tokens"
    assert prompt.missing == (wanted, wanted)
    dimension = prompt_numbers.dimension(prompt).dimension
    np.testing.assert_array_equal(np.isfinite(dimension[0]), [True, True] + [False] * 6)


@both
@pytest.mark.parametrize(("n", "scales"), [(257, 8), (256, 7), (3, 1)])
def test_scales_that_fit(n, scales, precision, backend):
    X = tokens(n, massive=False)
    prompt = prompt_geometry(X[None], precision=precision, backend=backend)
    assert np.isfinite(prompt_numbers.dimension(prompt).dimension[0]).sum() == scales
    distances, _ = by_brute_force(X)
    np.testing.assert_allclose(
        prompt.radii[0, :, : scales + 1], distances[:, RANKS[: scales + 1] - 1], rtol=1e-9
    )
    assert ("scales above" in prompt.missing[0]) == (n < 257)


@both
def test_a_zero_vector_has_no_cosine(precision, backend):
    X = tokens(massive=False)
    X[3] = 0
    layer = layer_geometry(X, precision=precision, backend=backend)
    assert layer.missing == "cosines and the angle to the nearest: 1 zero vectors"
    assert np.isnan([layer.mean_cosine, layer.cosine_deviation, layer.angle_to_nearest]).all()
    assert np.isfinite(layer.angle_between_nearest)
    np.testing.assert_array_equal(layer.neighbours, by_brute_force(X)[1][:, :31])


@settings(max_examples=10)
@given(st.randoms(use_true_random=False), st.sampled_from(WAYS))
def test_the_order_of_tokens_does_not_matter(random, way):
    X = tokens(80)
    order = np.array(random.sample(range(80), 80))
    A = layer_geometry(X, 32, 9, *way)
    B = layer_geometry(X[order], 32, 9, *way)
    np.testing.assert_allclose(B.radii, A.radii[order], rtol=1e-9)
    np.testing.assert_array_equal(order[B.neighbours], A.neighbours[order])


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e3, 1e30])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_scale(scale, precision):
    X = tokens(massive=False).astype(np.float64)
    layer = layer_geometry(X * scale, precision=precision)
    expected = layer_geometry(X)
    np.testing.assert_allclose(layer.radii, scale * expected.radii, rtol=1e-9)
    np.testing.assert_array_equal(layer.neighbours, expected.neighbours)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_of_any_precision(dtype):
    X = torch.from_numpy(tokens(massive=False)).to(dtype)
    exact = X.double().numpy()
    for backend in ("auto", "torch"):
        layer = layer_geometry(X, backend=backend)
        np.testing.assert_allclose(
            layer.radii[layer.radii[:, 0] > 0],
            by_brute_force(exact)[0][layer.radii[:, 0] > 0][:, RANKS - 1],
            rtol=1e-9,
        )


def test_layers_come_one_by_one():
    layers = [tokens(seed=seed) for seed in range(3)]
    once = prompt_geometry(layer for layer in layers)
    stacked = prompt_geometry(np.stack(layers))
    np.testing.assert_array_equal(once.radii, stacked.radii)
    np.testing.assert_array_equal(once.neighbours, stacked.neighbours)


def test_a_token_takes_98_bytes():
    prompt = prompt_geometry(tokens()[None])
    assert prompt.neighbours.dtype == np.int16
    kept = prompt.radii.astype(np.float32)
    assert (kept.nbytes + prompt.neighbours.nbytes) / 300 == 98


def test_float32_radii_move_the_dimension_by_little():
    prompt = prompt_geometry(tokens(1024, massive=False)[None])
    exact, rounded = prompt_numbers.dimension(prompt), gride_of_rounded(prompt.radii)
    assert np.max(np.abs(rounded.dimension - exact.dimension) / exact.dimension) < 1e-6


def gride_of_rounded(radii):
    from lm_geometry.dimension.gride import from_radii

    return from_radii(radii.astype(np.float32))


def test_bad_input_is_refused():
    X = tokens(20)
    X[4, 2], X[9, 0] = np.nan, np.inf
    for backend in ("own", "torch"):
        with pytest.raises(ValueError, match=r"layer 1 of states: X has NaN .* 2 rows: 4, 9"):
            prompt_geometry([tokens(20), X], backend=backend)
        with pytest.raises(ValueError, match=r"shape \(20,\)"):
            layer_geometry(tokens(20)[:, 0], backend=backend)
        with pytest.raises(ValueError, match=r"values around 1\.0e\+200"):
            layer_geometry(np.full((5, 2), 1e200), backend=backend)
    with pytest.raises(ValueError, match=r"layers have \[20, 19\] tokens"):
        prompt_geometry([tokens(20), tokens(19)])
    with pytest.raises(ValueError, match="there are no layers"):
        prompt_geometry([])
    with pytest.raises(ValueError, match="k_max is 0"):
        layer_geometry(tokens(20), k_max=0)
    with pytest.raises(ValueError, match="range_max is 1"):
        layer_geometry(tokens(20), range_max=1)
    with pytest.raises(ValueError, match="precision is 'half'; it must be float64 or float32"):
        layer_geometry(tokens(20), precision="half")
    with pytest.raises(ValueError, match="backend is 'faiss'; it must be auto, own or torch"):
        layer_geometry(tokens(20), backend="faiss")
