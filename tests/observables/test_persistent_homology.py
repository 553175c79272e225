"""The persistent-homology dimension is that of scipy's trees, and near that of known clouds."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from lm_geometry import persistent_homology_dimension
from lm_geometry.observables import persistent_homology
from lm_geometry.observables.cloud_signals import cloud_signals


def by_scipy(
    X: np.ndarray, power: float, rank: np.ndarray, largest: int = 1, sizes: int = 4
) -> float:
    """From trees of the parts that `rank` deals, `largest` of them first, and numpy's fit."""
    points = []
    for size in range(sizes):
        parts = [X[rank % (largest * 2**size) == part] for part in range(largest * 2**size)]
        edges = [minimum_spanning_tree(squareform(pdist(part))).data for part in parts]
        lengths = [np.log((e**power).sum()) if power else np.log(e).mean() for e in edges]
        points.append((np.mean([np.log(len(part)) for part in parts]), np.mean(lengths)))
    sizes_of_parts, lengths_of_trees = np.transpose(points)
    slope = np.polyfit(sizes_of_parts, lengths_of_trees, 1)[0]
    return power / (1 - slope) if power else -1 / slope


@settings(max_examples=12, deadline=None)
@given(
    tokens=st.integers(64, 300),
    power=st.sampled_from([0, 0.5, 1, 2]),
    seed=st.integers(0, 999),
    offset=st.sampled_from([0.0, 1e4]),
)
def test_it_is_the_slope_over_trees_that_scipy_finds(
    tokens: int, power: float, seed: int, offset: float
) -> None:
    X = np.random.default_rng(seed).standard_normal((tokens, 6)) + offset
    rank = np.random.default_rng(seed).permutation(tokens)
    found = persistent_homology_dimension(X, power, seed)
    assert found == pytest.approx(by_scipy(X, power, rank), rel=1e-9)
    assert found != persistent_homology_dimension(X, power, seed + 1)


def test_what_is_without_a_group_is_of_the_same_parts() -> None:
    X = np.random.default_rng(1).standard_normal((400, 7))
    groups, rank = np.arange(400) // 100, np.random.default_rng(0).permutation(400)
    found = {one.name: one for one in cloud_signals(X, groups)}
    for power in (0, 1):
        one = found[f"persistent_homology_{power}"]
        assert one.value == persistent_homology_dimension(X, power)
        for group, without in enumerate(one.without):
            kept = groups != group
            assert without == pytest.approx(by_scipy(X[kept], power, rank[kept]), rel=1e-9)


def test_a_large_cloud_begins_with_parts_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistent_homology, "MOST", 90)
    X = np.random.default_rng(2).standard_normal((300, 5))
    rank = np.random.default_rng(0).permutation(300)
    assert persistent_homology_dimension(X) == pytest.approx(by_scipy(X, 1, rank, 4), rel=1e-9)


def cube(rng: np.random.Generator, d: int) -> np.ndarray:
    return rng.random((2000, d))


def sphere(rng: np.random.Generator, d: int) -> np.ndarray:
    X = rng.standard_normal((2000, d + 1))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.mark.parametrize("power", [0, 1])
@pytest.mark.parametrize("shape", [cube, sphere])
def test_it_reads_known_dimensions_with_its_known_bias(
    shape: Callable[[np.random.Generator, int], np.ndarray], power: int
) -> None:
    rng = np.random.default_rng(3)
    frame = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    read = []
    for d in (1, 2, 5, 10):
        X = shape(rng, d)
        X = X @ frame[: X.shape[1]] + 3
        read.append(persistent_homology_dimension(X, power))
    np.testing.assert_allclose(read[:2], [1, 2], rtol=0.06)
    assert 4.3 < read[2] < 5.2
    assert 7.8 < read[3] < 9.6


def test_copies_and_what_has_no_dimension() -> None:
    rng = np.random.default_rng(4)
    X = np.repeat(rng.standard_normal((100, 3)), 2, axis=0)
    assert np.isfinite([persistent_homology_dimension(X, power) for power in (0, 1)]).all()
    assert np.isnan(persistent_homology_dimension(np.ones((40, 3))))
    far = 2.0 ** np.arange(40)[:, None]  # one more point is one longer edge
    assert np.isnan(persistent_homology_dimension(far))


@pytest.mark.parametrize(
    ("tokens", "power", "told"),
    [(15, 1, "15 tokens; at least 16"), (30, -1, "power is -1; it must be 0 or more")],
)
def test_what_has_no_meaning_is_refused(tokens: int, power: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        persistent_homology_dimension(np.eye(tokens), power)
