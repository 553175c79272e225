"""Estimates on spheres, balls and Gaussians are those of the estimators as they are known.

The bias of an estimator is part of the answer: a sphere of 20 dimensions reads 16.5 by TwoNN. The
expected values are means and standard deviations over 30 clouds of 2,000 points in 64 coordinates
read by scikit-dimension 0.5; the mean of three clouds must lie within three standard deviations.
`fixtures/known_manifolds.md` is what this printed, where no number of ours had a part:

    python benchmarks/bias.py --library --seeds 30 --first-seed 100

PUBLISHED are the values of ten other clouds of each kind; None where no deviation was noted, and
then the deviation is the measured one.
"""

import re

import numpy as np
import pytest

from lm_geometry import global_dimension
from lm_geometry.dimension import gride, lpca, mle, twonn
from lm_geometry.neighbours import neighbour_graph
from tests.structure import ROOT

FIXTURE = ROOT / "tests" / "fixtures" / "known_manifolds.md"
COLUMNS = ("local 64", "local 128", "TwoNN", "GRIDE 8", "MLE 20", "MLE 100", "lPCA")
PUBLISHED = {  # (manifold, dimension): TwoNN, GRIDE at n₁ = 8, MLE with k = 20 and 100
    ("sphere", 2): ((2.00, 0.05), (2.00, 0.02), (2.00, 0.01), (2.00, None)),
    ("sphere", 5): ((4.96, 0.16), (4.87, 0.04), (4.88, 0.03), (4.74, None)),
    ("sphere", 10): ((9.33, 0.27), (8.90, 0.08), (8.94, 0.06), (8.37, None)),
    ("sphere", 20): ((16.47, 0.33), (15.33, 0.16), (15.48, 0.08), (14.02, None)),
    ("ball", 2): ((2.01, 0.10), (1.97, None), (1.97, None), (1.91, None)),
    ("ball", 5): ((4.74, 0.08), (4.61, 0.05), (4.62, 0.03), (4.40, None)),
    ("ball", 10): ((8.85, 0.27), (8.43, 0.08), (8.47, 0.03), (7.91, None)),
    ("ball", 20): ((15.99, 0.40), (14.62, 0.12), (14.85, 0.10), (13.49, None)),
    ("Gaussian", 2): ((1.99, 0.05), (2.02, None), (2.02, None), (2.04, None)),
    ("Gaussian", 5): ((5.06, 0.11), (5.01, None), (5.02, None), (4.83, None)),
    ("Gaussian", 10): ((9.51, 0.26), (9.07, None), (9.12, None), (8.33, None)),
    ("Gaussian", 20): ((16.86, 0.55), (14.94, 0.14), (15.23, 0.09), (13.45, None)),
}


def measured():
    """Means and deviations by manifold and dimension, in the order of COLUMNS."""
    found = {}
    for line in FIXTURE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == len(COLUMNS) + 2 and cells[1].isdigit():
            pairs = [tuple(map(float, re.split(" ± ", cell))) for cell in cells[2:]]
            found[cells[0], int(cells[1])] = dict(zip(COLUMNS, pairs, strict=True))
    return found


MEASURED = measured()


def manifold(name, dimension, seed, n=2000, width=64):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, dimension + (name == "sphere")))
    if name != "Gaussian":
        X /= np.linalg.norm(X, axis=1, keepdims=True)
    if name == "ball":
        X *= rng.random((n, 1)) ** (1 / dimension)
    frame = np.linalg.qr(rng.standard_normal((width, width)))[0]
    return (X @ frame[: X.shape[1]]).astype(np.float32)


def readings(X):
    graph = neighbour_graph(X, 128)
    found = (
        np.mean(twonn.local_from_graph(graph, 64, X=X)),
        np.mean(twonn.local_from_graph(graph, 128, X=X)),
        twonn.global_from_graph(graph),
        gride.from_graph(graph, 16).dimension[3],
        mle.global_from_graph(graph, 20),
        mle.global_from_graph(graph, 100),
        np.mean(lpca.local(X, graph, 128, rows=range(0, len(X), 20))),
    )
    return dict(zip(COLUMNS, found, strict=True))


@pytest.mark.parametrize(("name", "dimension"), list(PUBLISHED))
def test_estimates_have_their_known_bias(name, dimension):
    clouds = [readings(manifold(name, dimension, seed)) for seed in range(3)]
    means = {column: sum(cloud[column] for cloud in clouds) / 3 for column in COLUMNS}
    for column, (mean, deviation) in MEASURED[name, dimension].items():
        assert abs(means[column] - mean) <= 3 * deviation + 0.0005, column
    for column, (mean, deviation) in zip(COLUMNS[2:6], PUBLISHED[name, dimension], strict=True):
        spread = MEASURED[name, dimension][column][1] if deviation is None else deviation
        assert abs(means[column] - mean) <= 3 * spread + 0.005, column  # half the last digit


def test_the_estimates_of_one_token_scatter_as_theory_says():
    X = manifold("Gaussian", 10, seed=0)
    local = twonn.local_from_graph(neighbour_graph(X, 128), 128, X=X)
    # Little more than 1/√115: 115 of 128 ratios are kept.
    assert 0.08 < np.std(local) / np.mean(local) < 0.14


def test_lpca_of_the_whole_cloud_counts_linear_directions():
    for dimension in (2, 5, 10, 20):
        assert global_dimension(manifold("ball", dimension, 0), "lpca") == dimension
        assert global_dimension(manifold("sphere", dimension, 0), "lpca") == dimension + 1
