"""Readings over scales are those of the functions, and a plateau is found where there is one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry import global_dimension, gride, local_dimension, scales
from lm_geometry.dimension.scales import Reading, plateau

TOKENS, SIZE = 450, 40  # parts of 225 and 112


def table(found: list[Reading], method: str, neighbours: str = "all") -> list[Reading]:
    return [one for one in found if (one.method, one.neighbours) == (method, neighbours)]


@pytest.mark.parametrize("grouped", [False, True])
def test_each_reading_is_what_its_function_says_of_the_same_tokens(grouped: bool) -> None:
    X = np.random.default_rng(0).standard_normal((TOKENS, 5))
    groups = np.arange(TOKENS) // 15 if grouped else None
    name = "of other groups" if grouped else "all"
    found = scales(X, groups, SIZE, 32, seed=7).readings
    expected = gride(X, 32, exclude=groups)
    ours = table(found, "gride", name)
    np.testing.assert_array_equal([one.scale for one in ours], expected.scale)
    np.testing.assert_allclose([one.dimension for one in ours], expected.dimension, rtol=1e-12)
    np.testing.assert_allclose([one.error for one in ours], expected.error, rtol=1e-12)
    rank = np.random.default_rng(7).permutation(TOKENS)
    for method in ("twonn", "local"):
        rows = table(found, method, name)
        assert [one.tokens for one in rows] == [450, 225, 112]
        for size, row in enumerate(rows):
            parts = [np.flatnonzero(rank % 2**size == part) for part in range(2**size)]
            values = [read(X[part], method, groups, part) for part in parts]
            assert row.dimension == pytest.approx(np.mean(values), rel=1e-9)
            spread = np.std(values, ddof=1) / 2 ** (size / 2) if size else np.nan
            assert row.error == pytest.approx(spread, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("n_neighbors", "parts"), [(99, [200, 100]), (100, [200]), (120, [200])])
def test_a_part_with_fewer_others_than_the_neighbourhood_has_no_local_reading(
    n_neighbors: int, parts: list[int]
) -> None:
    X = np.random.default_rng(1).standard_normal((200, 5))
    found = scales(X, n_neighbors=n_neighbors, range_max=8).readings
    assert [one.tokens for one in table(found, "local")] == parts
    assert [one.tokens for one in table(found, "twonn")] == [200, 100]


def read(X: np.ndarray, method: str, groups: np.ndarray | None, part: np.ndarray) -> float:
    labels = None if groups is None else groups[part]
    if method == "twonn":
        return global_dimension(X, exclude=labels)
    return float(local_dimension(X, SIZE, exclude=labels).mean())


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 99), d=st.sampled_from([2, 4, 7]))
def test_a_flat_cloud_is_level_near_its_dimension(seed: int, d: int) -> None:
    X = np.random.default_rng(seed).random((900, d))
    found = scales(X, n_neighbors=32, range_max=64)
    [level] = found.plateaus
    assert level.last >= 8 * level.first
    of_scales = {one.scale: one.dimension for one in table(found.readings, "gride")}
    chosen = [of_scales[at] for at in of_scales if level.first <= at <= level.last]
    assert (level.lowest, level.highest) == (min(chosen), max(chosen))
    longer = [*chosen, of_scales.get(2 * level.last, np.inf)]
    assert max(longer) > 1.15 * min(longer)  # else it would go on
    assert 0.7 * d < level.lowest < level.highest < 1.15 * d


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 99))
def test_noise_around_a_curve_has_no_level(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * rng.random(900)
    curve = np.zeros((900, 10))
    curve[:, :2] = np.transpose([np.cos(angle), np.sin(angle)])
    X = curve + 0.05 * rng.standard_normal(curve.shape)
    found = scales(X, n_neighbors=32, range_max=256)
    of_scales = [one.dimension for one in table(found.readings, "gride")]
    assert found.plateaus == []
    assert of_scales[0] > 3 > 2 > of_scales[-1]


@pytest.mark.parametrize(
    ("dimensions", "found"),
    [
        ([9, 10, 10.3, 10.2, 10.1, 12], (0, 5)),
        ([5, 7, 10, 10.3, 10.2, 11.4, 15], (2, 6)),
        ([5, 7, 10, 10.3, 10.2, 12, 15], None),
        ([10, 10, 10, 10, 20, 20, 20, 20], (0, 4)),
        ([10, 10, np.nan, 10, 10, 10, 10], (3, 7)),
        ([10, 10, 10], None),
    ],
)
def test_a_plateau_is_the_longest_run_that_is_level(
    dimensions: list[float], found: tuple[int, int] | None
) -> None:
    assert plateau(np.array(dimensions, float)) == found


def test_what_leaves_too_few_neighbours_is_refused() -> None:
    X = np.random.default_rng(0).standard_normal((120, 4))
    with pytest.raises(ValueError, match="40 neighbours are asked for, but token 0 has only 30"):
        scales(X, np.arange(120) // 90, 40, 16)
    with pytest.raises(ValueError, match="n_neighbors is 2; at least 3"):
        scales(X, n_neighbors=2)
    with pytest.raises(ValueError, match="range_max is 1; the smallest scale is 2"):
        scales(X, range_max=1)
