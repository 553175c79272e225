"""The overlap of neighbourhoods with labels against a loop over tokens, and DADApy."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from lm_geometry import label_overlap, neighbour_graph

SIZES = (40, 25, 11, 4)
LABELS = np.repeat(["noun", "verb", "adverb", "article"], SIZES)


def cloud(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((80, 5)) + np.repeat(rng.standard_normal((4, 5)), SIZES, axis=0)


def by_loops(X, labels, k=0, fraction=0.0, weighted=False):
    counts, shares = Counter(labels), []
    for token, row in enumerate(cdist(X, X)):
        size = k or max(1, int(counts[labels[token]] * fraction))
        near = [other for other in np.argsort(row, kind="stable") if other != token][:size]
        shares.append(sum(labels[other] == labels[token] for other in near) / size)
    weights = [1 / counts[label] for label in labels]
    return np.average(shares, weights=weights if weighted else None)


@settings(max_examples=25)
@given(seed=st.integers(0, 999), k=st.integers(1, 79), weighted=st.booleans())
def test_it_is_the_mean_share_of_neighbours_of_the_own_label(seed, k, weighted):
    X, labels = cloud(seed), np.random.default_rng(seed).permutation(LABELS)
    expected = by_loops(X, labels, k, weighted=weighted)
    assert label_overlap(X, labels, k, weighted=weighted) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fraction", [0.01, 0.3, 1])
def test_a_fraction_of_the_label_is_looked_at(fraction, weighted):
    X = cloud()
    expected = by_loops(X, list(LABELS), 0, fraction, weighted)
    found = label_overlap(X, LABELS, class_fraction=fraction, weighted=weighted)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", [{"k": 7}, {"class_fraction": 0.3}])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_overlap_of_dadapy(options, weighted):
    dadapy = pytest.importorskip("dadapy", exc_type=ImportError)
    X, numbers = cloud(), np.repeat(np.arange(4), SIZES)
    data = dadapy.Data(coordinates=X, maxk=79)
    theirs = data.return_label_overlap(numbers, weighted=weighted, **options)
    ours = {"n_neighbors": options["k"]} if "k" in options else options
    assert label_overlap(X, numbers, **ours, weighted=weighted) == pytest.approx(theirs, rel=1e-12)


def test_with_all_others_it_is_chance():
    counts = np.array(SIZES)
    chance = (counts * (counts - 1)).sum() / (80 * 79)
    assert label_overlap(cloud(), LABELS, 79) == pytest.approx(chance, rel=1e-12)
    each = np.mean((counts - 1) / 79)
    assert label_overlap(cloud(), LABELS, 79, weighted=True) == pytest.approx(each, rel=1e-12)


def test_a_graph_does_as_well_and_names_of_labels_mean_nothing():
    X = cloud()
    graph = neighbour_graph(X, 30)
    found = label_overlap(X, LABELS, 12)
    assert found == label_overlap(graph, LABELS, 12)
    assert found == label_overlap(X, [-ord(label[1]) for label in LABELS], 12)  # o, e, d, r
    assert label_overlap(X, np.zeros(80), 12) == 1
    assert label_overlap(X, np.arange(80), 12) == 0
    order = np.random.default_rng(1).permutation(80)
    assert label_overlap(X[order], LABELS[order], 12) == pytest.approx(found, rel=1e-12)
    assert label_overlap(X * 3 - 100, LABELS, 12) == pytest.approx(found, rel=1e-12)


def test_what_has_no_meaning_is_named():
    X = cloud()
    with pytest.raises(ValueError, match=r"labels has shape \(79,\); a label for each of 80 tok"):
        label_overlap(X, LABELS[1:])
    with pytest.raises(ValueError, match="labels has missing labels; each token needs one"):
        label_overlap(X, [None, *LABELS[1:]])
    with pytest.raises(ValueError, match="n_neighbors is 80, but X has 80 tokens"):
        label_overlap(X, LABELS, 80)
    with pytest.raises(ValueError, match="n_neighbors is 20, but the graph has 9 per token"):
        label_overlap(neighbour_graph(X, 9), LABELS, 20)
    for fraction in (0, -0.1, 1.5, np.nan):
        with pytest.raises(
            ValueError, match=r"class_fraction is .*; it is a share above 0, at most"
        ):
            label_overlap(X, LABELS, class_fraction=fraction)
