"""Signals of a cloud equal their published definitions, and are unbiased where they say so."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy, ortho_group
from sklearn.linear_model import LinearRegression

from lm_geometry.observables.spectrum import unbiased_moments
from lm_geometry.signals import (
    alpha_req,
    distance_moved,
    effective_rank,
    massive_tokens,
    participation_ratio,
    rankme,
)


def cloud(n: int = 300, width: int = 40, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, width)) * np.arange(1, width + 1) ** -0.7 + 0.3


@pytest.mark.parametrize("shape", [(300, 40), (30, 90)])
def test_rankme_is_of_the_singular_values_of_the_cloud_as_it_is(shape: tuple[int, int]) -> None:
    X = cloud(*shape)
    values = np.linalg.svd(X, compute_uv=False)
    shares = values / np.abs(values).sum() + 1e-7
    assert rankme(X) == pytest.approx(np.exp(-np.sum(shares * np.log(shares))), rel=1e-12)
    assert rankme(X, epsilon=0) == pytest.approx(np.exp(entropy(values)), rel=1e-12)


def test_rankme_and_effective_rank_are_two_numbers() -> None:
    X = cloud()
    centred = X - X.mean(axis=0)
    # Even of the centred cloud: singular values are more even than their squares.
    assert rankme(X) < rankme(centred) > 1.3 * effective_rank(X)
    assert effective_rank(X + 100) == pytest.approx(effective_rank(X), rel=1e-9)
    assert rankme(X + 100) < 0.2 * rankme(X)
    line = np.outer(np.arange(1.0, 9), [1, 2, 3])
    assert rankme(line, epsilon=0) == pytest.approx(1)
    assert rankme(np.eye(7)) == pytest.approx(7, rel=1e-5)
    assert np.isnan(rankme(np.zeros((4, 3))))


@pytest.mark.parametrize("ranks", [(11, 100), (1, 30), (3, 20)])
def test_alpha_req_is_the_slope_of_weighted_least_squares(ranks: tuple[int, int]) -> None:
    X = cloud()
    values = np.sort(np.linalg.eigvalsh(np.cov(X.T)))[::-1]
    rank = np.arange(ranks[0], min(ranks[1], 40) + 1)
    line = LinearRegression().fit(np.log(rank)[:, None], np.log(values[rank - 1]), 1 / rank)
    assert alpha_req(X, ranks) == pytest.approx(-line.coef_[0], rel=1e-9)


def test_alpha_req_finds_the_exponent_of_a_power_law() -> None:
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.standard_normal((400, 121)) - 0)[0]
    axes = np.linalg.qr(axes - axes.mean(axis=0))[0][:, :120]
    for alpha in (0.0, 0.7, 2.0):
        X = axes * np.arange(1, 121) ** (-alpha / 2)
        assert alpha_req(X - X.mean(axis=0)) == pytest.approx(alpha, abs=0.02)


def test_alpha_req_needs_ten_ranks_or_as_many_as_were_asked_for() -> None:
    X = cloud(300, 25)
    assert alpha_req(X[:, :20]) == alpha_req(X[:, :20], (11, 20))
    with pytest.raises(ValueError, match=r"19 positive .* need at least 20"):
        alpha_req(X[:, :19])
    with pytest.raises(ValueError, match="14 positive eigenvalues"):
        alpha_req(X[:15])  # a centred cloud of 15 tokens has 14 directions
    assert np.isfinite(alpha_req(X[:, :3], (1, 3)))
    with pytest.raises(ValueError, match=r"ranks is \(0, 5\)"):
        alpha_req(X, (0, 5))


def unbiased_by_brute_force(X: np.ndarray) -> float:
    """Products of four different rows: E[((a − b)·(c − d))²] is 4 ΣΛ², of lengths 4 (ΣΛ)²."""
    above = below = 0.0
    for i, j, k, m in permutations(range(len(X)), 4):
        u, v = X[i] - X[j], X[k] - X[m]
        above += (u @ u) * (v @ v)
        below += (u @ v) ** 2
    return above / below


@settings(max_examples=20)
@given(n=st.integers(4, 7), width=st.integers(1, 9), seed=st.integers(0, 999))
def test_the_correction_is_that_of_all_quadruples_of_rows(n: int, width: int, seed: int) -> None:
    X = np.random.default_rng(seed).standard_normal((n, width)) ** 3 + 5
    expected = unbiased_by_brute_force(X)
    assert participation_ratio(X, corrected=True) == pytest.approx(expected, rel=1e-9)


def test_the_corrected_moments_of_few_tokens_are_those_of_the_population() -> None:
    spectrum = np.arange(1, 31) ** -1.0
    truth = np.array([spectrum.sum() ** 2, (spectrum**2).sum()])
    skewed = np.random.default_rng(2).gamma(1.0, size=(6000, 8, 30)) - 1  # of variance 1
    rows = (skewed - skewed.mean(axis=1, keepdims=True)) * np.sqrt(spectrum)
    lengths = (rows**2).sum(axis=2)
    pairs = ((rows @ rows.transpose(0, 2, 1)) ** 2).sum(axis=(1, 2))
    sums = zip(lengths.sum(axis=1), pairs, (lengths**2).sum(axis=1), strict=True)
    corrected = np.array([unbiased_moments(8, *map(float, one)) for one in sums])
    naive = np.stack([lengths.sum(axis=1) ** 2 / 49, pairs / 49], axis=1)
    for moments, limit in ((corrected, [0, 3]), (naive, [5, np.inf])):
        away = np.abs(moments.mean(axis=0) - truth) / (moments.std(axis=0) / 6000**0.5)
        assert (limit[0] <= away).all()
        assert (away <= limit[1]).all()


@pytest.mark.parametrize("n", [40, 160])
def test_the_corrected_ratio_is_nearer_to_that_of_the_population(n: int) -> None:
    spectrum = np.arange(1, 31) ** -1.0
    population = spectrum.sum() ** 2 / (spectrum**2).sum()  # 9.9
    clouds = np.random.default_rng(n).standard_normal((300, n, 30)) * np.sqrt(spectrum)
    naive, corrected = (np.mean([participation_ratio(X, c) for X in clouds]) for c in (False, True))
    assert population - naive == pytest.approx(population * naive / n, rel=0.2)
    assert abs(corrected - population) < 0.3 * (population - naive)


@settings(max_examples=25)
@given(seed=st.integers(0, 999), scale=st.floats(1e-3, 1e3), shift=st.floats(-5, 5))
def test_what_leaves_them_as_they_are(seed: int, scale: float, shift: float) -> None:
    X = cloud(60, 15, seed)
    turned = scale * X @ ortho_group.rvs(15, random_state=seed)
    for signal in (rankme, effective_rank, lambda X: alpha_req(X, (2, 14))):
        assert signal(turned) == pytest.approx(signal(X), rel=1e-8)
    for corrected in (False, True):
        found = participation_ratio(turned + shift, corrected)
        assert found == pytest.approx(participation_ratio(X, corrected), rel=1e-8)
    np.testing.assert_array_equal(massive_tokens(turned, 1.4), massive_tokens(X, 1.4))


def test_too_few_or_equal_tokens_have_no_corrected_ratio() -> None:
    with pytest.raises(ValueError, match="X has 3 tokens; at least 4"):
        participation_ratio(cloud(3), corrected=True)
    assert np.isnan(participation_ratio(np.full((9, 4), 1e5 / 3), corrected=True))
    line = np.outer(np.arange(30.0) ** 2, [1, 2, 3])
    assert participation_ratio(line, corrected=True) == pytest.approx(1, rel=1e-9)


def test_distance_moved_is_the_mean_distance_of_the_same_tokens() -> None:
    X, base = cloud(), cloud(seed=1)
    expected = np.mean([np.sqrt(np.sum((x - b) ** 2)) for x, b in zip(X, base, strict=True)])
    assert distance_moved(X, base) == pytest.approx(expected, rel=1e-13)
    median = np.median(np.linalg.norm(base, axis=1))
    assert distance_moved(X, base, relative=True) == pytest.approx(expected / median, rel=1e-13)
    assert distance_moved(X, X) == 0
    halves = (X.astype(np.float32), (X + 1e-6).astype(np.float32))
    assert distance_moved(*halves) == pytest.approx(
        np.linalg.norm(halves[0].astype(float) - halves[1].astype(float), axis=1).mean()
    )
    with pytest.raises(ValueError, match=r"shape \(299, 40\) and base \(300, 40\)"):
        distance_moved(X[1:], base)
    with pytest.raises(ValueError, match="median norm of 0"):
        distance_moved(X, 0 * X, relative=True)


def test_massive_tokens_exceed_the_median_norm_by_a_factor() -> None:
    X = np.eye(1, 5).repeat(9, axis=0)
    X[[2, 7]] *= [[3.0], [3.0001]]
    assert massive_tokens(X).tolist() == [7]
    assert massive_tokens(X, 1).tolist() == [2, 7]
    assert massive_tokens(X, 4).tolist() == []
    assert massive_tokens(np.zeros((4, 2))).tolist() == []
    for factor in (0.9, np.nan):
        with pytest.raises(ValueError, match="factor is"):
            massive_tokens(X, factor)


def test_two_massive_tokens_of_thousands_rule_every_number_of_a_spectrum() -> None:
    X = cloud(3000, 40)
    ruled = X.copy()
    ruled[:2, 7] = 400, 300
    assert massive_tokens(ruled).tolist() == [0, 1]
    assert participation_ratio(ruled) < 1.2 < 0.3 * participation_ratio(X)
    assert effective_rank(ruled) < 0.2 * effective_rank(X)
    assert rankme(ruled) < 0.75 * rankme(X)
