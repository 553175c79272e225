"""lPCA counts the same components as scikit-dimension, under each of its rules."""

import numpy as np
import pytest
import skdim
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from lm_geometry import global_dimension, local_dimension
from lm_geometry.dimension import lpca
from lm_geometry.dimension.spectrum_rules import RULES
from lm_geometry.neighbours import neighbour_graph

NAMES = {"alphaFO": "alpha", "alphaRatio": "alpha", "alphaFan": "alpha", "betaFan": "beta"}


@pytest.fixture(autouse=True)
def single_threaded_linear_algebra():
    """scikit-dimension multiplies thousands of small matrices, which threads only slow down."""
    with threadpool_limits(1):
        yield


def cloud(n=250, width=64, seed=0):
    rng = np.random.default_rng(seed)
    spread = np.geomspace(1, 0.02, 30)
    X = (rng.standard_normal((n, 30)) * spread) @ rng.standard_normal((30, width))
    return X + 0.01 * rng.standard_normal((n, width))


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("n_neighbors", [20, 100])  # fewer and more than coordinates
def test_every_rule_gives_what_scikit_dimension_gives(rule, n_neighbors):
    X = cloud()
    theirs = skdim.id.lPCA(ver=rule).fit_pw(X, n_neighbors=n_neighbors).dimension_pw_
    ours = local_dimension(X, n_neighbors, "lpca", rule=rule)
    if rule == "participation_ratio":
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    else:
        np.testing.assert_array_equal(ours, theirs)
        assert len(np.unique(ours)) > 1 or rule in ("maxgap", "ratio")


@pytest.mark.parametrize(
    ("rule", "theirs"),
    [
        ("FO", {"alphaFO": 0.2}),
        ("FO", {"alphaFO": 0.01}),
        ("ratio", {"alphaRatio": 0.8}),
        ("Fan", {"alphaFan": 2}),
        ("Fan", {"betaFan": 0.5, "PFan": 0.8}),
    ],
)
def test_the_constants_of_a_rule_mean_the_same(rule, theirs):
    X = cloud()
    expected = skdim.id.lPCA(ver=rule, **theirs).fit_pw(X, n_neighbors=60).dimension_pw_
    constants = {NAMES.get(name, "proportion"): value for name, value in theirs.items()}
    ours = local_dimension(X, 60, "lpca", rule=rule, **constants)
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("shape", [(200, 12), (30, 64)])
@pytest.mark.parametrize("rule", ["FO", "ratio", "Kaiser", "participation_ratio", "broken_stick"])
def test_the_whole_cloud(rule, shape):
    X = cloud(*shape)
    expected = skdim.id.lPCA(ver=rule).fit(X).dimension_
    assert global_dimension(X, "lpca", rule=rule) == pytest.approx(expected, rel=1e-10)


def test_rows_are_estimated_as_among_all_of_them():
    X = cloud()
    graph = neighbour_graph(X, 80)
    every = lpca.local(X, graph, 50)
    rows = np.array([17, 3, 200, 3])
    np.testing.assert_array_equal(lpca.local(X, graph, 50, rows=rows), every[rows])


def test_far_from_the_origin_nothing_is_lost():
    X = cloud()
    graph = neighbour_graph(X, 40)
    far = X.copy()
    far[:, [2, 9]] += [3000, -3000]
    np.testing.assert_array_equal(lpca.local(far, graph, 40), lpca.local(X, graph, 40))


def test_an_eigenvalue_at_the_threshold_is_decided_in_float64():
    # The second eigenvalue is the threshold itself, but for one part in a hundred million.
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    for factor, expected in ((1 + 1e-8, 2), (1 - 1e-8, 1)):
        flat = rng.standard_normal((30, 2))
        flat -= flat.mean(axis=0)
        round_ = np.linalg.svd(flat, full_matrices=False)[0] * [1, np.sqrt(0.05 * factor)]
        members = round_ @ directions[:2]
        X = np.concatenate([members.mean(axis=0, keepdims=True), members])
        graph = neighbour_graph(X, 30)
        assert lpca.local(X, graph, 30, rows=[0])[0] == expected


def test_tiny_and_huge_numbers():
    X = cloud()
    expected = local_dimension(X, 40, "lpca")
    for scale in (1e-30, 1e30):
        small = (X * scale).astype(np.float32)
        np.testing.assert_array_equal(local_dimension(small, 40, "lpca"), expected)


def test_equal_vectors_have_no_dimension():
    X = np.ones((40, 5))
    X[30:] += np.random.default_rng(0).standard_normal((10, 5))
    estimates = local_dimension(X, 20, "lpca")
    assert np.isnan(estimates[:30]).all()
    assert np.isfinite(estimates[30:]).any()


def test_the_spectrum_is_that_of_the_covariance():
    X = cloud(40, 64)
    near = np.arange(40)[None]
    values = lpca._spectra(lpca._products(X, near))[0]
    expected = PCA().fit(X).explained_variance_
    # Small ones are right to the rounding of the largest.
    found, wanted = values[:39] / values[0], expected[:39] / expected[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "fo"}, "rule is 'fo'; it must be one of FO, Fan, maxgap"),
        ({"beta": 0.5}, r"rule FO has no constant 'beta'; it has \['alpha'\]"),
        ({"rule": "Kaiser", "alpha": 0.5}, "rule Kaiser has no constant 'alpha'; it has none"),
        ({"cdf": "(i-1)/n"}, "cdf is an option of twonn, but estimator is 'lpca'"),
        ({"n_neighbors": 2}, "n_neighbors is 2; lPCA needs at least 3"),
        ({"rows": [0, 250]}, "rows has 250, but X has 250 tokens"),
        ({"rows": [-1]}, "rows has -1, but X has 250 tokens"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        local_dimension(cloud(), **{"n_neighbors": 10, "estimator": "lpca", **options})
