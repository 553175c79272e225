"""Estimates on spheres, balls and Gaussians are those of the estimators as they are known.

The bias of an estimator is part of the answer: a sphere of 20 dimensions reads 16.5 by TwoNN. The
expected values are means and standard deviations over ten clouds of 2,000 points in 64 coordinates,
from scikit-dimension 0.5; the mean of three clouds must lie within three standard deviations.
"""

import numpy as np
import pytest

from lm_geometry import gride, neighbour_graph
from lm_geometry.dimension import lpca, mle, twonn

EXPECTED = {  # (manifold, dimension): TwoNN, GRIDE at n₁ = 8, MLE with k = 20
    ("sphere", 2): ((2.00, 0.05), (2.00, 0.02), (2.00, 0.01)),
    ("sphere", 5): ((4.96, 0.16), (4.87, 0.04), (4.88, 0.03)),
    ("sphere", 10): ((9.33, 0.27), (8.90, 0.08), (8.94, 0.06)),
    ("sphere", 20): ((16.47, 0.33), (15.33, 0.16), (15.48, 0.08)),
    ("ball", 5): ((4.74, 0.08), (4.61, 0.05), (4.62, 0.03)),
    ("ball", 10): ((8.85, 0.27), (8.43, 0.08), (8.47, 0.03)),
    ("ball", 20): ((15.99, 0.40), (14.62, 0.12), (14.85, 0.10)),
    ("gaussian", 20): ((16.86, 0.55), (14.94, 0.14), (15.23, 0.09)),
}


def manifold(name, dimension, seed, n=2000, width=64):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, dimension + (name == "sphere")))
    if name != "gaussian":
        X /= np.linalg.norm(X, axis=1, keepdims=True)
    if name == "ball":
        X *= rng.random((n, 1)) ** (1 / dimension)
    frame = np.linalg.qr(rng.standard_normal((width, width)))[0]
    return (X @ frame[: X.shape[1]]).astype(np.float32)


@pytest.mark.parametrize(("name", "dimension"), list(EXPECTED))
def test_global_estimates_have_their_known_bias(name, dimension):
    clouds = [manifold(name, dimension, seed) for seed in range(3)]
    graphs = [neighbour_graph(X, 20) for X in clouds]
    means = (
        np.mean([twonn.global_from_graph(graph) for graph in graphs]),
        np.mean([gride(X, 16).dimension[3] for X in clouds]),
        np.mean([mle.global_from_graph(graph, 20) for graph in graphs]),
    )
    for value, (mean, deviation) in zip(means, EXPECTED[name, dimension], strict=True):
        assert abs(value - mean) <= 3 * deviation + 0.005  # half a unit of the last digit


@pytest.mark.parametrize(("dimension", "read"), [(2, 0.98), (5, 0.95), (10, 0.875), (20, 0.735)])
def test_local_twonn_reads_its_known_share_of_the_dimension(dimension, read):
    X = manifold("gaussian", dimension, seed=0)
    local = twonn.local_from_graph(neighbour_graph(X, 128), 128, X=X)
    assert np.mean(local) == pytest.approx(read * dimension, rel=0.03)
    # A single token's estimate scatters by little more than 1/√115, the share kept of 128 ratios.
    assert 0.08 < np.std(local) / np.mean(local) < 0.14


@pytest.mark.parametrize("dimension", [2, 5, 10])
def test_lpca_counts_the_directions_of_a_flat_cloud(dimension):
    X = manifold("ball", dimension, seed=0)
    counts = lpca.local(X, neighbour_graph(X, 100), 100, rows=range(100))
    np.testing.assert_array_equal(counts, dimension)
