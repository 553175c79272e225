"""TwoNN is scikit-dimension's on exact distances, under both rules and both fits."""

import inspect

import numpy as np
import pytest
import skdim
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from lm_geometry import deduplicate, global_dimension, local_dimension
from lm_geometry.dimension import estimate, twonn
from lm_geometry.neighbours import neighbour_graph

FITS = ("linear", "mle")


@pytest.fixture(autouse=True)
def single_threaded_linear_algebra():
    """scikit-dimension multiplies thousands of small matrices, which threads only slow down."""
    with threadpool_limits(1):
        yield


def cloud(n=400, width=32, dimension=8, seed=0, copies=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, dimension)) @ rng.standard_normal((dimension, width))
    X += 0.1 * rng.standard_normal((n, width))
    which = rng.choice(n, int(copies * n), replace=False)
    X[which] = X[rng.choice(n, len(which))]
    return X


def two_nearest(members):
    distances = cdist(members, members)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :2]


def published_rule(nearest, discard):
    """The fit of scikit-dimension 0.3.4, written down from its definition."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.sort(nearest[:, 1] / nearest[:, 0])
    n = len(ratios)
    kept = ratios[: int(n * (1 - discard))]
    if not np.isfinite(kept).all():
        return np.nan
    x, y = np.log(kept), -np.log(1 - np.arange(len(kept)) / n)
    return np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]


def library_rule(nearest, discard, fit):
    ratios = nearest[:, 1] / np.where(nearest[:, 0] == 0, np.nan, nearest[:, 0])
    if int(np.isfinite(ratios).sum() * (1 - discard)) < 2:
        return np.nan
    estimator = skdim.id.TwoNN(discard_fraction=discard, dist=True, method=fit)
    with np.errstate(divide="ignore"):
        dimension = estimator.fit(nearest).dimension_
    # Where every kept ratio is 1 the library says 0 (linear) or infinity (mle): undefined.
    return dimension if 0 < dimension < np.inf else np.nan


@pytest.mark.filterwarnings("ignore:Dropping")
@pytest.mark.parametrize("copies", [0.0, 0.01, 0.2])
@pytest.mark.parametrize("n_neighbors", [16, 64])
@pytest.mark.parametrize("discard", [0.1, 0.35])
def test_every_neighbourhood_is_fitted_as_the_references_do(copies, n_neighbors, discard):
    X = cloud(copies=copies)
    graph = neighbour_graph(X, 80)
    nearest = [two_nearest(X[near]) for near in graph.indices[:, :n_neighbors]]
    for fit in FITS:
        ours = twonn.local_from_graph(graph, n_neighbors, fit=fit, discard=discard, X=X)
        theirs = [library_rule(pairs, discard, fit) for pairs in nearest]
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    ours = twonn.local_from_graph(graph, n_neighbors, "(i-1)/n", discard=discard, X=X)
    np.testing.assert_allclose(ours, [published_rule(p, discard) for p in nearest], rtol=1e-12)
    if copies in (0.0, 0.2):
        assert np.isnan(ours).any() == (copies > 0)


@pytest.mark.parametrize("fit", FITS)
def test_local_estimates_are_those_of_fit_pw(fit):
    X = cloud()
    theirs = skdim.id.TwoNN(method=fit).fit_pw(X, n_neighbors=50).dimension_pw_
    np.testing.assert_allclose(local_dimension(X, 50, fit=fit), theirs, rtol=1e-9)


@pytest.mark.parametrize("fit", FITS)
def test_the_global_estimate_is_that_of_fit(fit):
    X = cloud(width=60)
    expected = skdim.id.TwoNN(method=fit).fit(X).dimension_
    assert global_dimension(X, "twonn", fit=fit) == pytest.approx(expected, rel=1e-9)
    published = published_rule(two_nearest(X), 0.1)
    assert global_dimension(X, "twonn", cdf="(i-1)/n") == pytest.approx(published, rel=1e-12)


def test_copies_change_the_global_estimate_as_the_rules_say():
    X = cloud(copies=0.05)
    nearest = two_nearest(X)
    assert (nearest[:, 0] == 0).any()
    published = published_rule(nearest, 0.1)
    assert global_dimension(X, "twonn", cdf="(i-1)/n") == pytest.approx(published, rel=1e-12)
    with pytest.warns(UserWarning, match="Dropping"):
        library = skdim.id.TwoNN(dist=True).fit(nearest).dimension_
    assert global_dimension(X, "twonn") == pytest.approx(library, rel=1e-12)


def test_one_graph_serves_every_smaller_neighbourhood():
    X = cloud()
    graph = neighbour_graph(X, 200)
    for n_neighbors in (8, 64, 200):
        alone = twonn.local_from_graph(neighbour_graph(X, n_neighbors), n_neighbors, X=X)
        np.testing.assert_array_equal(twonn.local_from_graph(graph, n_neighbors, X=X), alone)


@pytest.mark.parametrize(("n_neighbors", "ratio"), [(64, 1.0515), (128, 1.0258)])
def test_the_rules_differ_by_the_known_factor(n_neighbors, ratio):
    X = cloud(600)
    larger, smaller = (local_dimension(X, n_neighbors, cdf=cdf) for cdf in ("i/n", "(i-1)/n"))
    assert np.mean(larger / smaller) == pytest.approx(ratio, abs=2e-3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_storage_type_does_not_matter(dtype):
    X = cloud().astype(dtype)
    np.testing.assert_array_equal(local_dimension(X, 30), local_dimension(X.astype(float), 30))


def test_removing_copies_brings_the_estimate_back():
    X = cloud(600)
    with_copies = np.concatenate([X[:500], X[:100]])
    kept = deduplicate(with_copies)
    np.testing.assert_array_equal(kept, np.arange(500))
    assert global_dimension(with_copies[kept]) == global_dimension(X[:500])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cdf": "i / n"}, "cdf is 'i / n'; it must be 'i/n' or '.i-1./n'"),
        ({"fit": "ols"}, "fit is 'ols'"),
        ({"discard": 1.0}, "discard is 1.0; it is a share from 0 to below 1"),
        ({"discard": 0.0}, "discard must be above 0 with cdf i/n"),
        ({"rule": "FO"}, "twonn has no option 'rule'; it has cdf, fit, discard"),
        ({"n_neighbors": 2}, "2 neighbours are too few for TwoNN"),
        (
            {"estimator": "2nn"},
            "estimator is .2nn.; it must be twonn, lpca, mle, ca_pca or CorrInt, ",
        ),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        local_dimension(cloud(50), **{"n_neighbors": 10, **options})


@pytest.mark.parametrize("estimator", ["mle", "lpca", "TLE"])
@pytest.mark.parametrize("option", [{"cdf": "(i-1)/n"}, {"fit": "mle"}, {"discard": 0.2}])
def test_options_of_twonn_are_refused_with_another_estimator(estimator, option):
    message = f"{next(iter(option))} is an option of twonn, but estimator is '{estimator}'"
    with pytest.raises(ValueError, match=message):
        local_dimension(cloud(50), 10, estimator, **option)


def test_the_signature_is_the_published_one_and_what_is_left_out_the_usual():
    parameters = inspect.signature(local_dimension).parameters
    assert list(parameters)[:6] == ["X", "n_neighbors", "estimator", "cdf", "fit", "discard"]
    published = [parameters[name].default for name in ("cdf", "fit", "discard")]
    assert published == ["i/n", "linear", 0.1]
    X = cloud(200)
    mle = local_dimension(X, 10, "mle", *published)
    np.testing.assert_array_equal(mle, local_dimension(X, 10, "mle"))
    usual = local_dimension(X, 128, "twonn", "i/n", "linear", 0.1)
    np.testing.assert_array_equal(local_dimension(X), usual)


@pytest.mark.parametrize("estimator", ["twonn", "mle", "lpca", "MOM"])
def test_a_graph_in_hand_is_used(estimator, monkeypatch):
    X = cloud(80)
    expected = local_dimension(X, 10, estimator)
    graph = neighbour_graph(X, 30)
    monkeypatch.delattr(estimate, "neighbour_graph")
    np.testing.assert_array_equal(local_dimension(X, 10, estimator, graph=graph), expected)
    assert global_dimension(X, "mle", graph=graph, n_neighbors=25) > 0


def test_a_graph_of_another_cloud_or_of_too_few_neighbours_is_refused():
    graph = neighbour_graph(cloud(50), 10)
    with pytest.raises(ValueError, match="X has 40 tokens, but its graph has 50"):
        twonn.local_from_graph(graph, 10, X=cloud(40))
    for estimator in ("twonn", "mle", "lpca"):
        with pytest.raises(ValueError, match="X has 40 tokens, but its graph has 50"):
            local_dimension(cloud(40), 10, estimator, graph=graph)
        with pytest.raises(ValueError, match="n_neighbors is 20, but the graph has 10 per token"):
            local_dimension(cloud(50), 20, estimator, graph=graph)
