"""Signals of weights, gradients and losses equal other computations, and closed forms."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest, linregress, norm

from lm_geometry.models.weight_norm import weight_norm
from lm_geometry.signals import TrainingStep, signal_named
from lm_geometry.signals.of_gradients.gradient_norm import acceleration
from lm_geometry.signals.of_gradients.signal_to_noise import (
    evidence_criterion,
    gradient_signal_to_noise,
)
from lm_geometry.signals.of_losses.hankel_residual import QUANTILES, hankel_residual
from lm_geometry.signals.of_losses.mean_losses import training_loss_slope
from lm_geometry.signals.of_weights.spectrum_exponent import spectrum_exponent, tail_exponent


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "in": rng.standard_normal((30, 20)).astype(np.float32),
        "out": rng.standard_normal((12, 30)),
        "bias": rng.standard_normal(12),
    }


def read(name: str, **has: object) -> float:
    signal, step = signal_named(name), TrainingStep(0, **has)  # pyright: ignore[reportArgumentType]
    return signal.function(**{need: getattr(step, need) for need in signal.needs})


def test_weight_norm_is_that_of_the_model() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.LayerNorm(4))
    assert read("weight_norm", weights=dict(model.named_parameters())) == pytest.approx(
        weight_norm(model), rel=1e-12
    )


def test_distances_of_weights_and_gradients_are_norms() -> None:
    now, before = weights(), weights(1)
    flat = np.concatenate([(now[name] - before[name]).ravel() for name in now])
    found = read("weight_distance", weights=now, base_weights=before)
    assert found == pytest.approx(np.linalg.norm(flat), rel=1e-6)
    whole = np.concatenate([array.ravel() for array in now.values()])
    assert read("gradient_norm", gradients=now) == pytest.approx(np.linalg.norm(whole), rel=1e-6)


def test_grades_is_the_change_of_the_matrix_that_changes_most() -> None:
    now, before = weights(), weights(1)
    sums = {name: np.abs(now[name] - before[name]).sum() for name in now}
    found = read("grades", gradients=now, previous_gradients=before)
    assert found == pytest.approx(max(sums["in"], sums["out"]), rel=1e-6)
    now["bias"] += 1e6  # no matrix
    assert read("grades", gradients=now, previous_gradients=before) == found
    with pytest.raises(ValueError, match="no matrix"):
        read("grades", gradients={"b": now["bias"]}, previous_gradients={"b": now["bias"]})


@pytest.mark.parametrize("name", ["weight_distance", "grades"])
def test_changes_are_of_the_same_arrays(name: str) -> None:
    needs = signal_named(name).needs
    with pytest.raises(ValueError, match="differ in out"):
        read(
            name,
            **{needs[0]: weights(), needs[1]: {k: v for k, v in weights().items() if k != "out"}},
        )
    with pytest.raises(ValueError, match=r"in has shape \(30, 20\), before it had \(20, 30\)"):
        read(name, **{needs[0]: weights(), needs[1]: weights() | {"in": np.ones((20, 30))}})


@pytest.mark.parametrize("name", ["weight_norm", "gradient_norm", "weight_spectrum_exponent"])
def test_arrays_that_are_no_numbers_are_refused(name: str) -> None:
    (need,) = signal_named(name).needs
    with pytest.raises(ValueError, match=f"{need}: out has NaN"):
        read(name, **{need: weights() | {"out": np.full((3, 3), np.nan)}})
    with pytest.raises(ValueError, match=f"{need} has no arrays"):
        read(name, **{need: {}})


def tail_by_scipy(values: np.ndarray) -> tuple[float, float]:
    """The least distance of the empirical from the fitted distribution, and its exponent.

    scipy's one-sided statistics: D− compares the fit with i/n from i = 0, and D+ from 1/n.
    """
    ordered, found = np.sort(values), []
    for i in range(len(ordered) - 1):
        tail = ordered[i:]
        alpha = 1 + 1 / np.mean(np.log(tail / tail[0]))
        cdf = 1 - (tail / tail[0]) ** (1 - alpha)
        below = np.searchsorted(tail, tail, side="left") / len(tail)
        found.append((max(np.max(cdf - below), np.max(below - cdf)), alpha))
        whole = kstest(tail, lambda x, low=tail[0], a=alpha: 1 - (x / low) ** (1 - a)).statistic
        assert whole == pytest.approx(max(np.max(cdf - below), np.max(below + 1 / len(tail) - cdf)))
    return min(found)


def test_the_exponent_of_a_tail_is_the_best_fit_over_its_beginnings() -> None:
    values = np.random.default_rng(0).lognormal(size=60)
    assert tail_exponent(values) == pytest.approx(tail_by_scipy(values)[1], rel=1e-9)


def test_the_exponent_of_a_pareto_sample_is_its_own() -> None:
    rng = np.random.default_rng(0)
    for alpha in (2.0, 3.5):
        quantiles = (1 - (np.arange(400) + 0.5) / 400) ** (-1 / (alpha - 1))
        assert tail_exponent(quantiles) == pytest.approx(alpha, rel=0.05)
        sample = (1 - rng.random(3000)) ** (-1 / (alpha - 1))
        assert tail_exponent(sample) == pytest.approx(alpha, rel=0.15)
    assert np.isnan(tail_exponent(np.ones(5)))
    with pytest.raises(ValueError, match="2 positive"):
        tail_exponent(np.array([1.0, 0.0]))


def test_weight_spectrum_exponent_is_the_mean_over_matrices_whatever_their_scale() -> None:
    given = weights()
    by_hand = [
        tail_by_scipy(np.linalg.svd(given[name], compute_uv=False) ** 2)[1]
        for name in ("in", "out")
    ]
    found = spectrum_exponent(given)
    assert found == pytest.approx(np.mean(by_hand), rel=1e-5)
    scaled = {name: 3 * array for name, array in given.items()}
    assert spectrum_exponent(scaled) == pytest.approx(found, rel=1e-5)
    assert spectrum_exponent(given | {"few": np.eye(9)}) == found
    with pytest.raises(ValueError, match="no matrix of 10 positive"):
        spectrum_exponent({"bias": given["bias"], "few": np.eye(9)})
    with pytest.raises(ValueError, match="fewest is 1"):
        spectrum_exponent(given, fewest=1)


def test_gradients_of_examples_have_a_signal_to_noise() -> None:
    rng = np.random.default_rng(0)
    G = rng.standard_normal((40, 7)) + np.arange(7)
    G[:, 3] = 2.0  # the same for all examples: left out
    kept = np.delete(G, 3, axis=1)
    second = (kept**2).mean(axis=0)
    by_hand = np.mean(kept.mean(axis=0) ** 2 / (second - kept.mean(axis=0) ** 2))
    assert gradient_signal_to_noise(G) == pytest.approx(by_hand, rel=1e-9)
    scales = 10.0 ** np.arange(-3, 4)
    assert gradient_signal_to_noise(G * scales) == pytest.approx(by_hand, rel=1e-9)
    for function in (gradient_signal_to_noise, evidence_criterion):
        with pytest.raises(ValueError, match="the same for all examples"):
            function(np.ones((4, 3)))
        with pytest.raises(ValueError, match="at least 2 are needed"):
            function(np.ones((1, 3)))


def test_the_evidence_criterion_is_the_scaled_log_evidence_of_no_signal() -> None:
    """2/D [ln p(g | 0) − E ln p(g | 0)] of a Gaussian of mean 0 and variance Σ̂/|S|, eq. 5 to 7."""
    rng = np.random.default_rng(1)
    G = rng.standard_normal((25, 12)) + 0.1
    mean, deviation = G.mean(axis=0), G.std(axis=0, ddof=1) / np.sqrt(25)
    evidence = norm.logpdf(mean, 0, deviation).sum()
    expected = -0.5 * np.sum(np.log(2 * np.pi * deviation**2) + 1)
    assert evidence_criterion(G) == pytest.approx(2 / 12 * (evidence - expected), rel=1e-9)


def test_the_evidence_criterion_is_0_on_average_without_a_signal() -> None:
    rng = np.random.default_rng(2)
    without = evidence_criterion(rng.standard_normal((50, 4000)))
    assert abs(without) < 0.12  # sd of the mean: √(2/4000) = .022; t² is larger by 49/47
    assert evidence_criterion(rng.standard_normal((50, 4000)) + 1) < -40


def test_acceleration_is_the_second_difference() -> None:
    norms = np.array([4.0, 3, 7, 7.5])
    assert acceleration(norms) == np.diff(norms, 2)[-1] == -3.5
    assert np.isnan(acceleration(norms[:2]))
    with pytest.raises(ValueError, match="series"):
        acceleration(np.ones((3, 2)))


def test_the_slope_is_that_of_a_regression_on_the_last_ten_losses() -> None:
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.integers(1, 9, 25))
    losses = rng.random(25)
    for end in (3, 7, 25):
        line = linregress(steps[:end][-10:], losses[:end][-10:])
        found = training_loss_slope(steps[:end], losses[:end])
        assert found == pytest.approx(line.slope, rel=1e-9)
    assert np.isnan(training_loss_slope(steps[:2], losses[:2]))
    with pytest.raises(ValueError, match="does not rise"):
        training_loss_slope(np.array([1, 3, 3]), losses[:3])
    with pytest.raises(ValueError, match="window is 2"):
        training_loss_slope(steps, losses, window=2)


@pytest.mark.parametrize("name", ["training_loss", "validation_loss"])
def test_losses_are_passed_on_and_checked(name: str) -> None:
    assert read(name, **{name: 1.25}) == 1.25
    for wrong in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="0 or more, and finite"):
            read(name, **{name: wrong})


def residual_by_modes(losses: np.ndarray, window: int, delays: int, rank: int) -> float:
    """Hankel-DMD as it is usually written: eigenvalues, exact modes, amplitudes."""
    last = losses[-window:]
    courses = np.array(
        [np.quantile(row, (np.arange(QUANTILES) + 0.5) / QUANTILES) for row in last]
    ).T
    H = np.array([courses[:, i : i + delays].T.ravel() for i in range(window - delays + 1)]).T
    U, s, Vt = np.linalg.svd(H[:, :-1], full_matrices=False)
    U, s, V = U[:, :rank], s[:rank], Vt[:rank].T
    values, vectors = np.linalg.eig(U.T @ H[:, 1:] @ V @ np.diag(1 / s))
    modes = U @ vectors
    amplitudes = np.linalg.lstsq(modes, H[:, 0].astype(complex), rcond=None)[0]
    powers = values[:, None] ** np.arange(H.shape[1])
    rebuilt = (modes * amplitudes) @ powers
    return float(np.linalg.norm(rebuilt - H) / np.linalg.norm(H))


def test_the_hankel_residual_is_that_of_modes_and_eigenvalues() -> None:
    rng = np.random.default_rng(0)
    losses = np.exp(-0.1 * np.arange(30))[:, None] * rng.random(50) + 0.2 * rng.random((30, 50))
    for rank in (1, 2, 4):
        found = hankel_residual(losses, rank=rank)
        assert found == pytest.approx(residual_by_modes(losses, 20, 5, rank), rel=1e-6)
    assert hankel_residual(7 * losses) == pytest.approx(hankel_residual(losses), rel=1e-9)


def test_the_hankel_residual_is_0_of_linear_dynamics_alone() -> None:
    t, sizes = np.arange(20.0)[:, None], np.linspace(0.5, 2, 40)
    decaying = np.exp(-0.2 * t) * sizes
    assert hankel_residual(decaying) == pytest.approx(0, abs=1e-9)
    two = decaying + np.exp(-0.05 * t) * sizes
    assert hankel_residual(two) == pytest.approx(0, abs=1e-6)
    turned = np.where(t < 12, decaying, decaying[12] + 0.3 * np.sin(t) ** 2 * sizes)
    assert hankel_residual(turned) > 0.05
    assert np.isnan(hankel_residual(decaying[:19]))
    assert np.isnan(hankel_residual(np.zeros((20, 4))))
    with pytest.raises(ValueError, match="window is 6"):
        hankel_residual(decaying, window=6)
    with pytest.raises(ValueError, match="steps, examples"):
        hankel_residual(np.ones(20))
    with pytest.raises(ValueError, match="NaN"):
        hankel_residual(np.full((20, 4), np.nan))
