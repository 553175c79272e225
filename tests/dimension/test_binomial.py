"""The binomial estimate against its likelihood maximised by scipy, and DADApy."""

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.spatial.distance import cdist

from lm_geometry import global_dimension, neighbour_graph
from lm_geometry.dimension import binomial
from tests.fixtures.seeded_clouds import CLOUDS, with_copies


def counts_of(X, k, ratio):
    """How many tokens are in the inner ball of each token, token by token."""
    found = []
    for token, row in enumerate(cdist(X, X)):
        others = np.sort(np.delete(row, token))
        found.append(int(np.sum(others[: k - 1] <= ratio * others[k - 1])))
    return np.array(found)


@pytest.mark.parametrize(("k", "ratio"), [(20, 0.8), (5, 0.6), (100, 0.9)])
def test_it_is_where_the_likelihood_of_the_counts_is_largest(k, ratio):
    X = CLOUDS["spread"]()
    counts = counts_of(X, k, ratio)

    def cost(d):
        return -stats.binom.logpmf(counts, k - 1, ratio**d).sum()

    best = optimize.minimize_scalar(cost, bounds=(0.1, 60), options={"xatol": 1e-9})
    found = binomial.from_graph(neighbour_graph(X, k), k, ratio)
    assert found.dimension == pytest.approx(best.x, rel=1e-6)
    step = 1e-3 * best.x  # the curvature of the likelihood, by differences
    curvature = (cost(best.x + step) - 2 * cost(best.x) + cost(best.x - step)) / step**2
    assert found.error == pytest.approx(curvature**-0.5, rel=1e-4)
    assert global_dimension(X, "binomial", n_neighbors=k, ratio=ratio) == found.dimension


@pytest.mark.parametrize("name", list(CLOUDS))
def test_it_is_the_estimate_of_dadapy(name):
    dadapy = pytest.importorskip("dadapy", exc_type=ImportError)
    X = CLOUDS[name]()
    data = dadapy.Data(coordinates=X, maxk=100)
    dimension, error, *_ = data.compute_id_binomial_k(30, 0.8, bayes=False)
    found = binomial.from_graph(neighbour_graph(X, 30), 30, 0.8)
    assert found == pytest.approx((dimension, error), rel=1e-6)


def test_a_circle_has_one_dimension_within_the_error_of_overlapping_balls():
    angles = 2 * np.pi * np.random.default_rng(0).random(3000)
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    found = binomial.from_graph(neighbour_graph(X, 20), 20, 0.5)
    assert found.dimension == pytest.approx(1, abs=0.03)
    assert found.error < 0.01


def test_copies_leave_tokens_out_and_none_left_is_no_dimension():
    X = with_copies(0.2)
    X[:30] = X[0]
    kept = cdist(X, X)
    far = np.sort(kept, axis=1)[:, 20] > 0  # the token itself comes first
    counts = counts_of(X, 20, 0.8)[far]
    assert 0 < far.sum() < len(X)
    expected = np.log(counts.mean() / 19) / np.log(0.8)
    assert global_dimension(X, "binomial") == pytest.approx(expected, rel=1e-12)
    assert np.isnan(global_dimension(np.ones((40, 3)), "binomial"))


def test_inner_balls_that_are_empty_give_no_dimension():
    corners = np.eye(30)  # all as far from each other
    assert np.isnan(binomial.from_graph(neighbour_graph(corners, 10), 10, 0.5)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 1}, "ratio is 1; it is a share between 0 and 1"),
        ({"ratio": 0}, "ratio is 0; it is a share between 0 and 1"),
        ({"n_neighbors": 2}, "n_neighbors is 2; the binomial estimate needs at least 3"),
        ({"n_neighbors": 600}, "n_neighbors is 600, but X has 600 tokens"),
        ({"n_neighbours": 9}, "binomial has no option 'n_neighbours'; it has n_neighbors, ratio"),
    ],
)
def test_options_without_a_meaning_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        global_dimension(CLOUDS["spread"](), "binomial", **options)
