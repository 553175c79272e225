"""Dimensions around queries from their lists of neighbours alone: as from all distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry import neighbour_graph
from lm_geometry.dimension.of_neighbourhoods import local_of_neighbourhoods
from lm_geometry.dimension.twonn import local_from_graph
from tests.exact_pairs import all_distances, twonn_of_pairs

SIZE = 12


def nearest(distances: np.ndarray) -> np.ndarray:
    """All that counts as a neighbour of each token, nearest first, -1 after the last."""
    order = np.argsort(distances, axis=1, kind="stable")
    order[np.take_along_axis(distances, order, axis=1) == np.inf] = -1
    return order[:, :-1]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    tokens=st.integers(40, 90),
    number=st.integers(0, 9) | st.just(62),
    labelled=st.booleans(),
)
def test_each_deletion_is_the_cloud_without_the_group(
    seed: int, tokens: int, number: int, labelled: bool
) -> None:
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(tokens, 4)).astype(np.float32)
    labels = generator.integers(0, 25, tokens) if labelled else None
    group = generator.integers(0, max(number, 1), tokens)
    distances = all_distances(X, labels)
    kinds = None if labels is None else labels.astype(np.int32)[:, None]
    rules = {"labels": kinds, "groups": (group, group), "number": number}
    found = local_of_neighbourhoods(X, nearest(distances), SIZE, **rules)
    np.testing.assert_allclose(found.values, twonn_of_pairs(distances, SIZE), rtol=1e-9)
    assert found.without.shape == (number, tokens)
    for g, without in enumerate(found.without):
        kept = group != g
        expected = twonn_of_pairs(distances[np.ix_(kept, kept)], SIZE)
        np.testing.assert_allclose(without[kept], expected, rtol=1e-9)
        assert np.isnan(without[~kept]).all()


def test_it_is_to_the_bit_what_the_graph_of_the_whole_cloud_says() -> None:
    X = np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32)
    graph, queries = neighbour_graph(X, 30), np.arange(0, 200, 7)
    for cdf, fit in (("i/n", "linear"), ("(i-1)/n", "linear"), ("i/n", "mle")):
        found = local_of_neighbourhoods(X, graph.indices[queries], SIZE, cdf, fit, 0.2)
        expected = local_from_graph(graph, SIZE, cdf, fit, 0.2, X=X)[queries]
        np.testing.assert_array_equal(found.values, expected)


def test_a_neighbourhood_that_is_not_filled_has_no_dimension() -> None:
    X = np.random.default_rng(2).normal(size=(60, 3)).astype(np.float32)
    near = neighbour_graph(X, 20).indices.copy()
    near[0, SIZE - 1 :] = -1
    near[1, SIZE:] = -1
    found = local_of_neighbourhoods(X, near, SIZE).values
    assert np.isnan(found[0])
    assert np.isfinite(found[1:]).all()


def test_more_groups_than_there_is_room_for_are_refused() -> None:
    X = np.random.default_rng(3).normal(size=(80, 3)).astype(np.float32)
    groups = np.arange(80) % 63, np.arange(80) % 63
    with pytest.raises(ValueError, match="63 groups are too many: at most 62"):
        local_of_neighbourhoods(X, neighbour_graph(X, 20).indices, SIZE, groups=groups, number=63)
