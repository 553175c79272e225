"""A window of positions: what is near in the text is no neighbour, exactly, on either device."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from lm_geometry import gride
from lm_geometry.embed.prompts import LayerGeometry, layer_geometry, prompt_geometry
from lm_geometry.estimate import prompt_numbers

WAYS = [("float64", "own"), ("float32", "own"), ("float64", "torch"), ("float32", "torch")]
both = pytest.mark.parametrize(("precision", "backend"), WAYS)


def thread(n: int = 220, width: int = 24, seed: int = 0, memory: float = 0.9) -> np.ndarray:
    """States that follow each other closely, of which the first is massive."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, width))
    for t in range(1, n):
        X[t] = memory * X[t - 1] + (1 - memory**2) ** 0.5 * X[t]
    X[0] *= 60
    return X.astype(np.float32)


def lists_of(
    X: np.ndarray, positions: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Distances and neighbours of every token, ties by index; the last rank that all have."""
    squares = cdist(X.astype(np.float64), X.astype(np.float64), "sqeuclidean")
    squares[np.abs(positions[:, None] - positions) < max(window, 1)] = np.inf
    order = np.argsort(squares, axis=1, kind="stable")
    reach = int(np.isfinite(squares).sum(axis=1).min())
    return np.sqrt(np.take_along_axis(squares, order, axis=1)), order, reach


def assert_as_brute_force(layer: LayerGeometry, X: np.ndarray, window: int, k_max: int) -> None:
    every = np.arange(len(X))
    _, order, reach = lists_of(X, every, window)
    k = min(reach, k_max)
    np.testing.assert_array_equal(layer.neighbours[:, :k], order[:, :k])
    assert (layer.neighbours[:, k:] == -1).all()
    first = np.array([np.flatnonzero((row == X).all(axis=1))[0] for row in X])
    distinct = np.flatnonzero(first == every)
    distances, order, reach = lists_of(X[distinct], distinct, window)
    ranks = 2 ** np.arange(layer.radii.shape[1])
    there = ranks <= reach
    found = layer.radii[distinct]
    np.testing.assert_allclose(found[:, there], distances[:, ranks[there] - 1], rtol=1e-9)
    assert np.isnan(found[:, ~there]).all()
    assert np.isnan(layer.radii[first != every]).all()
    exact = X[distinct].astype(np.float64)
    units = exact / np.linalg.norm(exact, axis=1)[:, None]
    near = (units * units[order[:, 0]]).sum(axis=1).clip(-1, 1)
    assert layer.angle_to_nearest == pytest.approx(np.arccos(near).mean(), rel=1e-6)


@both
@pytest.mark.parametrize("window", [2, 5, 16])
def test_what_is_left_is_what_brute_force_leaves(precision: str, backend: str, window: int) -> None:
    X = thread()
    layer = layer_geometry(X, 128, 31, precision, backend, window)
    assert_as_brute_force(layer, X, window, 31)
    assert layer.missing == ""
    plain = layer_geometry(X, 128, 31, precision, backend)
    assert (layer.radii[:, 0] > plain.radii[:, 0]).mean() > 0.9  # the nearest were in the window
    for name in ("mean_cosine", "mean_cosine_off_diagonal", "cosine_deviation"):
        assert getattr(layer, name) == getattr(plain, name)


@both
def test_a_copy_counts_where_it_stands(precision: str, backend: str) -> None:
    X = thread()
    X[[11, 90, 91, 200]] = X[10]  # one of the copies is in the window of the first, others are not
    X[150:160] = X[40:50]
    layer = layer_geometry(X, 64, 31, precision, backend, 4)
    assert layer.distinct == 220 - 14
    assert_as_brute_force(layer, X, 4, 31)
    assert set(layer.neighbours[10, :3].tolist()) == {90, 91, 200}
    assert set(layer.neighbours[90, :3].tolist()) == {10, 11, 200}


@both
def test_near_copies_and_ties_are_settled_outside_the_window(precision: str, backend: str) -> None:
    X = thread().astype(np.float64)
    X[100:140] = X[100] + 1e-7 * np.random.default_rng(1).standard_normal((40, 24))
    assert_as_brute_force(layer_geometry(X, 128, 31, precision, backend, 6), X, 6, 31)
    grid = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3) + 1
    assert_as_brute_force(layer_geometry(grid, 128, 31, precision, backend, 3), grid, 3, 31)


@settings(max_examples=25)
@given(
    n=st.integers(12, 60),
    window=st.integers(0, 40),
    k_max=st.integers(1, 12),
    copies=st.integers(0, 8),
    seed=st.integers(0, 999),
    way=st.sampled_from(WAYS),
)
@example(n=15, window=6, k_max=4, copies=1, seed=0, way=("float64", "torch"))  # a tie at the end
def test_any_window_of_any_prompt(
    n: int, window: int, k_max: int, copies: int, seed: int, way: tuple[str, str]
) -> None:
    X = thread(n, 5, seed, memory=0.5)
    rng = np.random.default_rng(seed)
    X[rng.integers(0, n, copies)] = X[rng.integers(0, n, copies)]
    layer = layer_geometry(X, 16, k_max, *way, window)
    if layer.missing.startswith("everything"):
        assert np.isnan(layer.radii).all()
        assert (layer.neighbours == -1).all()
        assert n - 2 * max(window, 1) + 1 < 2 + 2 * copies
    else:
        assert_as_brute_force(layer, X, window, k_max)


@both
def test_windows_of_0_and_1_leave_out_nothing(precision: str, backend: str) -> None:
    X = thread()
    X[30] = X[3]
    plain, *others = (layer_geometry(X, 64, 9, precision, backend, w) for w in (0, 1))
    for other in others:
        np.testing.assert_array_equal(other.radii, plain.radii)
        np.testing.assert_array_equal(other.neighbours, plain.neighbours)


def test_a_thread_reads_too_low_and_random_order_changes_nothing() -> None:
    dependent, independent = thread(1000, 14), thread(1000, 14, memory=0.0)
    read = {
        (name, window): prompt_numbers.dimension(prompt_geometry(X[None], window=window))
        .dimension[0, 2]  # scale 8
        .item()
        for name, X in (("thread", dependent), ("independent", independent))
        for window in (0, 40)
    }
    truth = read["independent", 0]
    assert read["independent", 40] == pytest.approx(truth, rel=0.03)
    assert read["thread", 0] < 0.5 * truth
    assert abs(read["thread", 40] - truth) < 0.35 * truth
    assert gride(independent, 16).dimension[2] == pytest.approx(truth, rel=1e-6)


def test_what_a_window_leaves_too_few_for_is_said() -> None:
    X = thread(40)
    layer = layer_geometry(X, 32, 31, window=8)  # 25 are left in the middle
    assert layer.missing == (
        "scales above 16: 26 distinct tokens outside a window of 8, 33 are needed; "
        "overlap above k = 25: 26 tokens outside a window of 8"
    )
    for backend in ("own", "torch"):
        nothing = layer_geometry(X, 32, 31, backend=backend, window=20)
        assert nothing.missing.startswith("everything: 40 distinct tokens of 40, 3 are needed out")
    with pytest.raises(ValueError, match="window is -1"):
        layer_geometry(X, window=-1)
