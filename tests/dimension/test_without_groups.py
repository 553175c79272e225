"""Local dimensions without some pairs, and without groups of tokens: as from all distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry import excluding, global_dimension, gride, local_dimension, neighbour_graph
from lm_geometry.dimension.twonn import local_from_graph
from lm_geometry.dimension.without_groups import local_without_groups
from lm_geometry.neighbours.filtered import remaining
from tests.exact_pairs import all_distances, twonn_of_pairs


def cloud(seed, tokens, width=4):
    return np.random.default_rng(seed).normal(size=(tokens, width)).astype(np.float32)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    tokens=st.integers(40, 110),
    length=st.integers(12, 39),
    groups=st.integers(1, 9) | st.sampled_from([28, 29, 30, 31, 45, 61]),
    labelled=st.booleans(),
    copies=st.integers(0, 4),
)
def test_each_deletion_is_the_cloud_without_the_group(
    seed, tokens, length, groups, labelled, copies
):
    X, generator = cloud(seed, tokens), np.random.default_rng(seed)
    X[:copies] = X[-1]
    labels = generator.integers(0, 25, tokens) if labelled else None
    graph = neighbour_graph(X, length)
    if labelled:
        graph = excluding(graph, labels, min(length, 20), X)
    group = generator.integers(0, groups, tokens)
    found = local_without_groups(graph, 12, group, X=X)
    distances = all_distances(X, labels)
    np.testing.assert_allclose(found.values, twonn_of_pairs(distances, 12), rtol=1e-9)
    np.testing.assert_array_equal(found.values, local_from_graph(graph, 12, X=X))
    assert found.without.shape == (group.max() + 1, tokens)
    for g, without in enumerate(found.without):
        kept = group != g
        expected = twonn_of_pairs(distances[np.ix_(kept, kept)], 12)
        np.testing.assert_allclose(without[kept], expected, rtol=1e-9)
        assert np.isnan(without[~kept]).all()


@pytest.mark.parametrize(("cdf", "fit"), [("(i-1)/n", "linear"), ("i/n", "mle")])
def test_deletions_are_fitted_as_asked(cdf, fit):
    X, group = cloud(1, 90), np.arange(90) % 5
    graph = neighbour_graph(X, 40)
    found = local_without_groups(graph, 20, group, cdf, fit, 0.2, X=X)
    left = remaining(graph, group != 3, 35, X)
    expected = local_from_graph(left, 20, cdf, fit, 0.2, X=X[group != 3])
    np.testing.assert_array_equal(found.without[3][group != 3], expected)


def test_bad_groups_are_refused():
    X = cloud(2, 60)
    graph = neighbour_graph(X, 20)
    with pytest.raises(ValueError, match="groups has shape"):
        local_without_groups(graph, 10, np.zeros(59, int), X=X)
    with pytest.raises(ValueError, match="from 0 to at most 61"):
        local_without_groups(graph, 10, np.arange(60) + 3, X=X)


def test_a_group_without_which_no_neighbourhood_is_left_is_undefined():
    X, group = cloud(3, 30), np.r_[np.zeros(20, int), np.ones(10, int)]
    found = local_without_groups(neighbour_graph(X, 29), 12, group, X=X)
    assert np.isnan(found.without[0]).all()  # nine others of its group are left
    assert np.isfinite(found.without[1][:20]).all()


def threads(seed, count=96, steps=32, width=14, memory=0.9):
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(steps, count, width))
    states = [noise[0]]
    for step in noise[1:]:
        states.append(memory * states[-1] + np.sqrt(1 - memory**2) * step)
    return np.stack(states, 1).reshape(-1, width), np.repeat(np.arange(count), steps)


def test_threads_read_a_third_with_their_own_pairs_and_too_much_without():
    """A Theiler window: what dependence does is taken away, and a little more than that."""
    X, thread = threads(0)
    apart = np.random.default_rng(1).normal(size=X.shape)
    independent = local_dimension(apart, 128).mean()
    assert 11 < independent < 12
    assert 4.2 < local_dimension(X, 128).mean() < 5.2
    assert 12 < local_dimension(X, 128, exclude=thread).mean() < 14
    # Random labels change nothing.
    shuffled = np.random.default_rng(2).permutation(thread)
    assert local_dimension(apart, 128, exclude=shuffled).mean() == pytest.approx(
        independent, rel=0.005
    )


def test_every_estimator_of_neighbours_takes_labels():
    X, labels = cloud(4, 200), np.arange(200) // 8
    graph = neighbour_graph(X, 40, exclude=labels)
    for name in ("twonn", "mle", "lpca"):
        given_graph = local_dimension(X, 20, name, graph=neighbour_graph(X, 60), exclude=labels)
        np.testing.assert_array_equal(given_graph, local_dimension(X, 20, name, graph=graph))
        assert name == "lpca" or (given_graph != local_dimension(X, 20, name)).any()
    for name in ("twonn", "mle", "gride"):
        found = global_dimension(X, name, exclude=labels)
        assert found == global_dimension(X, name, graph=graph)
        assert found != global_dimension(X, name)
    distances = np.sort(all_distances(X, labels), axis=1)
    ratios = np.log(distances[:, 1] / distances[:, 0])
    assert gride(X, 2, exclude=labels).dimension[0] == pytest.approx(199 / ratios.sum(), rel=0.02)


def test_estimators_that_look_at_all_pairs_refuse_labels():
    X, labels = cloud(5, 60), np.arange(60) // 3
    with pytest.raises(ValueError, match=r"exclude is for estimators .*'TLE'"):
        local_dimension(X, 20, "TLE", exclude=labels)
    with pytest.raises(ValueError, match=r"exclude is for estimators .*'lpca'"):
        global_dimension(X, "lpca", exclude=labels)
