"""CA-PCA against its algorithm written out with singular values and a loop over d."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from lm_geometry import global_dimension, local_dimension, neighbour_graph
from lm_geometry.dimension import ca_pca
from tests.fixtures.seeded_clouds import CLOUDS, with_copies


def as_published(X, L):
    """The algorithm of Gilbert and O'Neill, with k = L − 1."""
    found, width = [], X.shape[1]
    for row in cdist(X, X):
        order = np.argsort(row, kind="stable")[1 : L + 1]
        radius = (row[order[-2]] + row[order[-1]]) / 2
        members = X[order[:-1]]
        values = np.linalg.svd(members - members.mean(axis=0), compute_uv=False) ** 2
        spectrum = np.zeros(max(width, L))
        spectrum[: len(values)] = values / (L - 2) / radius**2
        costs = []
        for d in range(1, width + 1):
            rest = spectrum[d:].sum()
            raised = spectrum[:d] + (3 * d + 4) / (d * (d + 4)) * rest
            costs.append(np.linalg.norm(raised - 1 / (d + 2)) + 2 * rest)
        found.append(1 + int(np.argmin(costs)))
    return np.array(found)


@pytest.mark.parametrize("name", list(CLOUDS))
@pytest.mark.parametrize("L", [5, 20, 60])
def test_it_is_the_published_algorithm(name, L):
    X = CLOUDS[name]()
    np.testing.assert_array_equal(local_dimension(X, L, "ca_pca"), as_published(X, L))


def test_eigenvalues_of_a_flat_ball_give_its_dimension():
    for d in range(1, 40):
        flat = np.zeros((1, 40))
        flat[0, :d] = 1 / (d + 2)
        assert ca_pca.dimensions_of(flat) == d


def test_it_takes_the_curvature_of_a_sphere_back_where_lpca_counts_it():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1500, 4))
    X /= np.linalg.norm(X, axis=1, keepdims=True)  # 3 dimensions
    near = neighbour_graph(X, 300)
    adjusted = np.mean(local_dimension(X, 300, "ca_pca", graph=near))
    counted = np.mean(local_dimension(X, 300, "lpca", graph=near))
    assert adjusted == pytest.approx(3, abs=0.1)
    assert counted > 3.5


def test_a_line_has_one_dimension():
    line = np.random.default_rng(0).random((100, 1))
    assert (local_dimension(line, 10, "ca_pca") == 1).all()
    assert global_dimension(line, "ca_pca", n_neighbors=10) == 1


def test_coordinates_of_zeros_can_make_it_larger_as_published():
    plane = CLOUDS["spread"]()[:, :2] * [1, 0.5]  # denser in the middle than a ball
    X = np.pad(plane, ((0, 0), (0, 9)))
    padded = local_dimension(X, 100, "ca_pca")
    np.testing.assert_array_equal(padded, as_published(X, 100))
    assert local_dimension(plane, 100, "ca_pca").max() <= 2 < padded.max()


def test_a_neighbourhood_of_copies_has_none():
    X = with_copies(0)
    X[:9] = X[0]
    local = local_dimension(X, 8, "ca_pca")
    np.testing.assert_array_equal(np.isnan(local), np.arange(300) < 9)
    assert global_dimension(X, "ca_pca", n_neighbors=8) == local[9:].mean()
    assert np.isnan(global_dimension(np.ones((70, 3)), "ca_pca"))


def test_the_neighbours_are_those_that_count():
    X, labels = CLOUDS["near copies"](), np.arange(600) // 3
    graph = neighbour_graph(X, 20, exclude=labels)
    found = local_dimension(X, 20, "ca_pca", exclude=labels)
    np.testing.assert_array_equal(found, ca_pca.local(X, graph, 20))


@pytest.mark.parametrize(
    ("n_neighbors", "message"),
    [
        (3, "n_neighbors is 3; CA-PCA needs at least 4"),
        (600, "n_neighbors is 600, but X has 600 tokens"),
        (5.5, "n_neighbors is 5.5; it must be a whole number"),
    ],
)
def test_neighbours_that_it_cannot_have_are_named(n_neighbors, message):
    with pytest.raises(ValueError, match=message):
        local_dimension(CLOUDS["spread"](), n_neighbors, "ca_pca")
    with pytest.raises(ValueError, match=message):
        global_dimension(CLOUDS["spread"](), "ca_pca", n_neighbors=n_neighbors)
