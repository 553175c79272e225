"""Products of 8-bit integers on a torch device: on the CPU the bytes of our own search."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lm_geometry.neighbours import neighbour_graph, search, with_matrix_units
from lm_geometry.neighbours.fixed_point import in_fixed_point
from lm_geometry.neighbours.locality import near_together
from lm_geometry.neighbours.with_matrix_units import lowest_of
from tests.exact_neighbours import check_exact, cloud, rows_redone

BACKEND = "torch-int8"


@pytest.fixture(autouse=True)
def in_small_blocks_and_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(with_matrix_units, "GROUP", 4)
    monkeypatch.setitem(with_matrix_units.BLOCK_BYTES, "cpu", 2**17)


def check_same(X: np.ndarray, k: int) -> None:
    ours, theirs = neighbour_graph(X, k, BACKEND), neighbour_graph(X, k, "own")
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_array_equal(ours.distances, theirs.distances)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [1, 3, 48, 100])
def test_neighbours_are_those_of_a_brute_force_search(dtype: str, width: int) -> None:
    check_exact(cloud(700, width, dtype=dtype), 40, BACKEND)


def test_massive_tokens_and_coordinates_lose_no_neighbour() -> None:
    X = cloud()
    X[:, 7] += 3000
    X[[3, 77, 410], 5] = [26000, -26010, 25990]
    assert in_fixed_point(X, *near_together(X)) is not None
    check_exact(X, 40, BACKEND)
    check_same(X, len(X) - 1)


def test_clouds_of_many_massive_tokens_are_left_to_float32() -> None:
    X = cloud(400)
    X[:100] *= 1000
    assert in_fixed_point(X, *near_together(X)) is None
    check_exact(X, 20, BACKEND)


def test_an_ordinary_cloud_is_proved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    by = search._candidates
    monkeypatch.setattr(search, "_candidates", lambda X, keep, _: by(X, keep, BACKEND))
    assert rows_redone(monkeypatch, cloud(1000), 64) == {"double": 0, "all": 0}


@st.composite
def hostile(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Ties, copies, near copies, huge coordinates and tokens, of any size."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, width = draw(st.integers(3, 300)), draw(st.integers(1, 70))
    X = rng.standard_normal((n, width))
    if draw(st.booleans()):
        X = np.round(X * draw(st.integers(1, 4)))  # ties
    if draw(st.booleans()):
        some = rng.integers(0, n, (2, n // 3))
        X[some[0]] = X[some[1]] + draw(st.sampled_from([0.0, 1e-7, 1e-3])) * rng.random(width)
    if draw(st.booleans()):
        X[:, rng.integers(width)] += draw(st.sampled_from([1e3, -1e5]))
    if draw(st.booleans()):
        X[rng.integers(0, n, 1 + n // 40)] *= draw(st.sampled_from([30.0, 1e4]))
    scale = draw(st.sampled_from([1e-30, 1.0, 1e30]))
    X *= min(scale, 1e38 / np.abs(X).max(initial=1.0))  # in the range of float32
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return X.astype(dtype), draw(st.integers(1, n - 1))


@settings(max_examples=40)
@given(hostile())
def test_hostile_clouds_have_the_same_bytes(made: tuple[np.ndarray, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(with_matrix_units, "GROUP", 4)
        check_same(*made)


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 400), st.integers(1, 40))
@example(0, 1, 400, 40)
def test_the_lowest_of_groups_are_the_lowest_of_all(
    seed: int, rows: int, number: int, keep: int
) -> None:
    keep = min(keep, number)
    rng = np.random.default_rng(seed)
    scores = torch.from_numpy(rng.integers(0, 50, (rows, number)).astype(np.float32))
    found = lowest_of(scores, keep)
    expected = scores.sort(dim=1).values[:, :keep]
    assert torch.equal(found.scores.sort(dim=1).values, expected)
    assert torch.equal(scores.gather(1, found.tokens), found.scores)
    assert all(len(set(row.tolist())) == keep for row in found.tokens)
