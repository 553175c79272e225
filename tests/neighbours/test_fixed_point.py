"""Clouds in fixed point keep their distances, and searches in it find the exact neighbours."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from lm_geometry.neighbours import blocked, neighbour_graph, search
from lm_geometry.neighbours.fixed_point import in_fixed_point
from lm_geometry.neighbours.locality import near_together
from tests.exact_neighbours import check_exact, cloud, rows_redone


@pytest.fixture(autouse=True)
def in_small_blocks(monkeypatch):
    monkeypatch.setattr(blocked, "WHOLE", 100)
    monkeypatch.setattr(blocked, "BLOCK", 128)
    monkeypatch.setattr(search, "is_faster", lambda tokens, width: True)


def rounded(X, coarse=False):
    found = in_fixed_point(X, *near_together(X), coarse=coarse)
    assert found is not None
    return found


@pytest.mark.parametrize("width", [1, 48, 64, 100, 192])
@pytest.mark.parametrize("coarse", [False, True])
def test_distances_change_by_twice_the_largest_move_at_most(width, coarse):
    X = cloud(300, width)
    stored, fixed = rounded(X, coarse)
    true = cdist(X[stored.order].astype(np.float64), X[stored.order]) * stored.scale
    change = np.abs(cdist(stored.points.astype(np.float64), stored.points) - true)
    assert change.max() <= 2 * stored.moved + 1e-6 * true.max()
    assert stored.moved <= fixed.step * (128 if coarse else 0.5) * np.sqrt(fixed.width) * 1.001


@pytest.mark.parametrize("coarse", [False, True])
def test_products_of_whole_numbers_are_those_of_the_points(coarse):
    stored, fixed = rounded(cloud(300, 100), coarse)
    products = fixed.products(slice(0, 90), slice(40, 300))
    found = (65536.0 * products.high + 256.0 * products.cross) * products.step**2
    points = stored.points.astype(np.float64)
    # Squared distances hold a product twice.
    lacking = 2 * np.abs(found - points[:90] @ points[40:].T)
    assert lacking.max() <= stored.dropped + 1e-6 * (stored.lengths.max() ** 2)
    assert (stored.dropped == 0) == coarse


def test_a_huge_coordinate_is_spread_over_all():
    X = cloud(300, 64)
    X[:, 5] *= 1000
    stored, _ = rounded(X)
    assert (np.abs(stored.points).max(axis=1) < 0.5 * stored.lengths).all()


def test_massive_tokens_come_last_and_keep_float32():
    X = cloud(400)
    X[[3, 77], 5] = [26000, -26010]
    stored, fixed = rounded(X)
    assert len(fixed.numbers) == 398
    assert set(stored.order[-2:]) == {3, 77}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [1, 3, 48, 100])
def test_neighbours_are_those_of_a_brute_force_search(dtype, width):
    check_exact(cloud(700, width, dtype=dtype), 40)


def test_two_coordinates_at_3000_and_massive_tokens_lose_no_neighbour():
    X = cloud()
    X[:, 7] += 3000
    X[:, 11] -= 3000
    X[[3, 77, 410], 5] = [26000, -26010, 25990]
    check_exact(X, 40)


def test_near_duplicates_at_a_thousandth_of_the_distance():
    X = cloud(600)
    X[1::2] = X[::2] + 1e-3 * cloud(300, seed=4)
    check_exact(X, 1)
    check_exact(X, 16)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_size_of_the_numbers_does_not_matter(scale):
    check_exact((cloud(dtype="float64") * scale).astype(np.float32), 20)


@pytest.mark.parametrize("seed", range(12))
def test_clouds_full_of_ties_and_copies(seed):
    rng = np.random.default_rng(seed)
    n, width, levels = rng.integers([5, 1, 1], [400, 20, 30])
    check_exact(rng.integers(0, levels + 1, (n, width)).astype(np.float32), int(rng.integers(1, n)))


def test_two_threads_find_what_one_finds(monkeypatch):
    X = cloud(2000)
    graphs = []
    for count in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        graphs.append(neighbour_graph(X, 40))
    np.testing.assert_array_equal(graphs[0].indices, graphs[1].indices)
    np.testing.assert_array_equal(graphs[0].distances, graphs[1].distances)


def test_an_ordinary_cloud_is_proved_at_once(monkeypatch):
    assert rows_redone(monkeypatch, cloud(1000), 64) == {"double": 0, "all": 0}


def test_clouds_of_many_massive_tokens_are_left_to_float32():
    X = cloud(400)
    X[:100] *= 1000
    assert in_fixed_point(X, *near_together(X)) is None
    check_exact(X, 20)


def test_tokens_of_one_group_stand_together():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 10, 1000)
    X = rng.standard_normal((10, 32))[group] * 10 + 0.1 * rng.standard_normal((1000, 32))
    order, ordinary = near_together(X.astype(np.float32))
    assert ordinary == 1000
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    assert np.count_nonzero(np.diff(group[order])) == 9
