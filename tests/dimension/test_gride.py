"""GRIDE solves the published equation, and is what scikit-dimension computes."""

import numpy as np
import pytest
import skdim
from scipy.optimize import brentq
from scipy.special import betaln

from lm_geometry import global_dimension, gride
from lm_geometry.dimension.gride import from_graph, from_radii
from lm_geometry.dimension.pareto_ratios import error_of
from lm_geometry.neighbours import neighbour_graph


def cloud(n=500, width=30, dimension=7, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, dimension)) @ rng.standard_normal((dimension, width))
    return X + 0.05 * rng.standard_normal((n, width))


def by_definition(near, far, n1, n2):
    """Dimension, error and number of ratios, from the formulas, with an independent solver."""
    mu = far / near
    mu[mu == 1] += 10 * np.finfo(float).eps
    median, high = np.percentile(mu, [50, 95])
    kept = mu[mu < 20 * (high - median) + median]
    log = np.log(kept)

    def score(d):
        share = np.maximum(1 - kept**-d, 2e-7)
        return np.sum(((1 - n2 + n1) / share + n2 - 1) * log) - (len(kept) - 1) / d

    d = float(brentq(score, 1e-3, 1e3, xtol=1e-12))  # pyright: ignore[reportArgumentType]
    if n1 == 1:
        assert d == pytest.approx((len(kept) - 1) / log.sum(), rel=1e-9)
    share = np.maximum(-np.expm1(-d * np.log(mu)), 1.1e-15)
    curvature = np.sum(np.log(mu) ** 2 * mu**-d / share**2)
    return d, (len(mu) / d**2 + (n2 - n1 - 1) * curvature) ** -0.5, len(kept)


def compare(graph, result):
    for i, (n1, n2) in enumerate(zip(result.n1, result.scale, strict=True)):
        near, far = graph.distances[:, n1 - 1], graph.distances[:, n2 - 1]
        d, error, points = by_definition(near, far, n1, n2)
        assert result.dimension[i] == pytest.approx(d, rel=1e-6)
        assert result.error[i] == pytest.approx(error, rel=1e-6)
        assert result.points[i] == points


@pytest.mark.parametrize("dimension", [2, 7, 20])
def test_every_scale_solves_the_published_equation(dimension):
    graph = neighbour_graph(cloud(dimension=dimension), 256)
    result = from_graph(graph)
    np.testing.assert_array_equal(result.scale, 2 ** np.arange(1, 9))
    np.testing.assert_array_equal(result.n1, result.scale // 2)
    compare(graph, result)


def test_outliers_are_left_out_of_the_dimension_but_not_of_its_error():
    X = cloud()
    X[1:20:2] = X[:20:2] + 1e-6 * cloud(10, seed=1)
    graph = neighbour_graph(X, 256)
    result = from_graph(graph)
    compare(graph, result)
    assert 470 < result.points[0] <= 480
    assert result.points[-1] == 500


def test_tied_distances():
    grid = np.stack(np.meshgrid(*[np.arange(9.0)] * 3), axis=-1).reshape(-1, 3)
    rng = np.random.default_rng(0)
    shaken = grid + 0.05 * rng.standard_normal(grid.shape)
    shaken[:300] = grid[:300]
    graph = neighbour_graph(shaken, 16)
    assert (graph.distances[:, 0] == graph.distances[:, 1]).any()
    compare(graph, from_graph(graph, 16))


def test_scikit_dimension_finds_the_same_dimension_and_error():
    X = cloud()
    theirs = skdim.id.GRIDE(multiscale=True, range_max=256).fit(X)
    ours = gride(X)
    np.testing.assert_allclose(ours.dimension, theirs.dimension_scales_, rtol=1e-8)
    np.testing.assert_allclose(ours.error, theirs.error_scales_, rtol=1e-8)
    assert global_dimension(X, "gride", scale=16) == ours.dimension[3]


def test_the_first_scale_has_the_closed_form_error():
    result = gride(cloud(), 2)
    assert result.error[0] == pytest.approx(result.dimension[0] / np.sqrt(500), rel=1e-12)


@pytest.mark.parametrize(("n1", "n2"), [(1, 2), (4, 8), (32, 64)])
def test_the_error_is_the_curvature_of_the_likelihood(n1, n2):
    rng = np.random.default_rng(0)
    mu = (1 / rng.beta(n1, n2 - n1, 400)) ** (1 / 6.0)

    def likelihood(d):
        tail = (n2 - n1 - 1) * np.log(mu**d - 1) - ((n2 - 1) * d + 1) * np.log(mu)
        return np.sum(np.log(d) + tail - betaln(n2 - n1, n1))

    h = 1e-3
    curvature = -(likelihood(6 + h) - 2 * likelihood(6) + likelihood(6 - h)) / h**2
    assert error_of(mu, 6.0, n1, n2) == pytest.approx(curvature**-0.5, rel=1e-4)


@pytest.mark.parametrize(("n", "scales"), [(257, 8), (256, 7), (129, 7), (20, 4), (3, 1)])
def test_short_clouds_have_the_scales_that_fit(n, scales):
    assert len(gride(cloud(n)).scale) == scales


def test_many_clouds_at_once_are_each_as_alone():
    graphs = [neighbour_graph(cloud(seed=seed), 64) for seed in range(6)]
    ranks = 2 ** np.arange(7)
    radii = np.stack([graph.distances[:, ranks - 1] for graph in graphs]).reshape(2, 3, 500, 7)
    together = from_radii(radii)
    assert together.dimension.shape == (2, 3, 6)
    for i, graph in enumerate(graphs):
        alone = from_graph(graph, 64)
        at = divmod(i, 3)
        np.testing.assert_array_equal(together.dimension[at], alone.dimension)
        np.testing.assert_array_equal(together.error[at], alone.error)
        np.testing.assert_array_equal(together.points[at], alone.points)


def test_copies_are_left_out_and_counted():
    X = cloud()
    X[1] = X[0]
    result = gride(X, 8)
    assert result.points[0] == 498
    assert result.points[1] == 500
    assert np.isfinite(result.dimension).all()
    assert np.isfinite(result.error).all()


def test_equal_rows_have_no_dimension():
    result = gride(np.ones((40, 3)), 8)
    assert np.isnan(result.dimension).all()
    assert np.isnan(result.error).all()
    assert (result.points == 0).all()


@pytest.mark.parametrize("n1", [1, 2])
@pytest.mark.parametrize("ratios", [2, 3])
def test_three_ratios_are_an_estimate_and_two_are_none(ratios, n1):
    radii = np.zeros((9, 3))
    radii[:ratios, n1 - 1], radii[:ratios, n1] = 1, [2, 3, 4][:ratios]
    result = from_radii(radii)
    at = n1 - 1
    assert result.points[at] == ratios
    assert np.isnan(result.dimension[at]) == np.isnan(result.error[at]) == (ratios == 2)
    if (ratios, n1) == (3, 1):
        assert result.dimension[0] == pytest.approx(2 / np.log(24), rel=1e-12)


def test_ratios_of_one_but_for_rounding_have_no_dimension():
    """Their likelihood has its maximum at 1e14 dimensions and more."""
    near = np.ones(8)
    for unit, defined in ((1e-15, False), (1e-13, True)):
        far = 1 + unit * np.arange(1, 9)
        result = from_radii(np.stack([near, far], axis=1))
        assert result.points[0] == 8
        assert np.isfinite(result.dimension[0]) == defined


def test_a_range_of_two_has_one_scale():
    assert gride(cloud(40), 2).scale.tolist() == [2]
    assert gride(cloud(40), 3).scale.tolist() == [2]
    assert gride(cloud(40), 4).scale.tolist() == [2, 4]


@pytest.mark.parametrize("range_max", [0, 1, -4])
def test_a_range_without_a_scale_is_refused(range_max):
    with pytest.raises(ValueError, match=f"range_max is {range_max}; the smallest scale is 2"):
        gride(cloud(), range_max)


def test_a_scale_that_is_no_power_of_2_is_refused():
    with pytest.raises(ValueError, match="scale is 12; it must be a power of 2, at least 2"):
        global_dimension(cloud(), "gride", scale=12)
