"""The posterior of TwoNN against the likelihood integrated numerically, scipy and DADApy."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from lm_geometry import bayesian_twonn, deduplicate, global_dimension, neighbour_graph
from tests.fixtures.seeded_clouds import CLOUDS, with_copies


def ratios_of(X):
    distances = cdist(X, X)
    np.fill_diagonal(distances, np.inf)
    nearest, second = np.sort(distances, axis=1)[:, :2].T
    with np.errstate(divide="ignore", invalid="ignore"):
        return second / nearest


@pytest.mark.parametrize(("shape", "rate"), [(0.001, 0.001), (2, 5), (30, 1.5)])
def test_it_is_the_likelihood_times_the_prior(shape, rate):
    X = CLOUDS["spread"]()[:60]
    d = np.linspace(1e-4, 60, 400_001)
    ratios = ratios_of(X)
    logarithm = sum(np.log(d) - (d + 1) * np.log(ratio) for ratio in ratios)
    logarithm += stats.gamma.logpdf(d, shape, scale=1 / rate)
    density = np.exp(logarithm - logarithm.max())
    density /= density.sum()
    found = bayesian_twonn(X, shape, rate, level=0.9)
    mean = (d * density).sum()
    assert found.mean == pytest.approx(mean, rel=1e-6)
    assert found.deviation == pytest.approx(np.sqrt((d**2 * density).sum() - mean**2), rel=1e-5)
    below = np.cumsum(density)
    ends = [d[np.searchsorted(below, share)] for share in (0.05, 0.95)]
    np.testing.assert_allclose((found.low, found.high), ends, atol=2e-3)
    assert found.points == 60


def test_its_interval_is_that_of_scipy():
    X = CLOUDS["flat"]()
    a, b = 2 + len(X), 5 + np.log(ratios_of(X)).sum()
    found = bayesian_twonn(X, 2, 5, 0.99)
    expected = stats.gamma.interval(0.99, a, scale=1 / b)
    np.testing.assert_allclose((found.low, found.high), expected, rtol=1e-9)


@pytest.mark.parametrize("name", list(CLOUDS))
def test_it_is_the_posterior_of_dadapy(name):
    dadapy = pytest.importorskip("dadapy", exc_type=ImportError)
    X = CLOUDS[name]()
    mean, deviation, _ = dadapy.Data(coordinates=X, maxk=10).compute_id_2NN_wprior(3, 4)
    found = bayesian_twonn(X, 3, 4)
    assert (found.mean, found.deviation) == pytest.approx((mean, deviation), rel=1e-6)


def test_the_interval_holds_the_dimension_as_often_as_it_says():
    held, clouds = 0, 120
    for seed in range(clouds):  # of an even density without an edge, in one dimension
        angles = 2 * np.pi * np.random.default_rng(seed).random(150)
        X = np.column_stack([np.cos(angles), np.sin(angles)])
        posterior = bayesian_twonn(X, level=0.5)
        held += posterior.low <= 1 <= posterior.high
    # Ratios of one cloud depend on each other: less than half of them are to be expected.
    assert 0.3 < held / clouds < 0.6


def test_copies_are_left_out_and_counted():
    X = with_copies(0.2)
    alone = np.isfinite(ratios_of(X)) & (np.sort(cdist(X, X), axis=1)[:, 1] > 0)
    assert bayesian_twonn(X).points == alone.sum() < len(X)
    nothing = bayesian_twonn(np.ones((9, 4)))
    assert np.isnan(nothing[:4]).all()
    assert nothing.points == 0
    assert np.isnan(global_dimension(np.ones((9, 4)), "bayesian_twonn"))


def test_ties_push_it_up_and_those_of_l2n2_down():
    X = np.random.default_rng(0).standard_normal((600, 6))
    rough = X.round()[deduplicate(X.round())]
    assert bayesian_twonn(rough).mean > 1.3 * bayesian_twonn(X).mean
    assert global_dimension(rough, "l2n2") < 0.7 * global_dimension(X, "l2n2")


def test_pairs_alike_do_not_count():
    X, labels = CLOUDS["near copies"](), np.arange(600) // 2
    graph = neighbour_graph(X, 2, exclude=labels)
    assert (graph.indices // 2 != labels[:, None]).all()
    found = bayesian_twonn(X, exclude=labels)
    assert found.mean > bayesian_twonn(X).mean
    by_name = global_dimension(X, "bayesian_twonn", exclude=labels)
    assert by_name == found.mean


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": 0}, "shape is 0; the prior's must be above 0"),
        ({"rate": np.nan}, "rate is nan; the prior's must be above 0"),
        ({"rate": "a"}, "rate is 'a'; it must be a number"),
        ({"level": 95}, "level is 95; it is a share between 0 and 1"),
    ],
)
def test_options_without_a_meaning_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        bayesian_twonn(CLOUDS["spread"](), **options)
