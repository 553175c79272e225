"""Values at the ends of float64, and what is no cloud at all: right, or refused in a sentence."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry import (
    global_dimension,
    gride,
    local_dimension,
    neighbour_graph,
    neighbourhood_overlap,
)
from lm_geometry.dimension.spectrum_rules import RULES
from lm_geometry.observables.alignment import linear_cka
from lm_geometry.observables.alpha_req import alpha_req
from lm_geometry.observables.cloud_signals import cloud_signals
from lm_geometry.observables.cosine import cosine
from lm_geometry.observables.hausdorff import hausdorff
from lm_geometry.observables.imbalance import information_imbalance
from lm_geometry.observables.massive import massive_tokens
from lm_geometry.observables.moved import distance_moved
from lm_geometry.observables.norms import norms
from lm_geometry.observables.persistent_homology import persistent_homology_dimension
from lm_geometry.observables.rankme import rankme
from lm_geometry.observables.spectrum import effective_rank, participation_ratio, spectrum

pytestmark = pytest.mark.filterwarnings("error")

POWERS = st.sampled_from([-1050, -1000, -530, -400, 400, 490, 530, 900])


def cloud(seed: int, tokens: int = 24, width: int = 6) -> np.ndarray:
    """A cloud in steps of 2⁻¹² below 8 in size: any power of two of it above 2⁻¹⁰⁶⁰ is exact."""
    X = np.random.default_rng(seed).standard_normal((tokens, width))
    return np.clip(np.round(X * 4096) / 4096, -7, 7)


SCALE_FREE = {
    "lpca of a cloud": lambda X: global_dimension(X, "lpca"),
    "participation ratio": participation_ratio,
    "corrected participation ratio": lambda X: participation_ratio(X, corrected=True),
    "effective rank": effective_rank,
    "persistent homology": persistent_homology_dimension,
    "rankme": rankme,
    "alpha-req": lambda X: alpha_req(X, (2, 5)),
    "massive tokens": lambda X: massive_tokens(X, 1.2),
    "relative distance moved": lambda X: distance_moved(X, X[::-1], relative=True),
    "signals of a cloud": lambda X: [
        [one.value, *one.without]
        for one in cloud_signals(X, np.arange(24) % 4, factor=1.2)
        if one.name != "alpha_req"
    ],
    "cka": lambda X: linear_cka(X, X[:, ::-1] + X),
    "cosine": cosine,
}
BY_NEIGHBOURS = {
    "twonn": lambda X: local_dimension(X, 7),
    "mle": lambda X: local_dimension(X, 7, "mle"),
    "lpca": lambda X: local_dimension(X, 7, "lpca"),
    "gride": lambda X: gride(X, 8).dimension,
    "ca_pca": lambda X: local_dimension(X, 7, "ca_pca"),
    "correlation": lambda X: global_dimension(X, "correlation", k1=2, k2=5),
    "neighbours": lambda X: neighbour_graph(X, 5).indices,
    "imbalance": lambda X: information_imbalance(X, X[:, :3]),
}


@pytest.mark.parametrize("estimate", [*SCALE_FREE.values()], ids=[*SCALE_FREE])
@settings(max_examples=12)
@given(seed=st.integers(0, 99), power=POWERS)
def test_no_size_of_a_cloud_changes_what_depends_on_its_shape(
    estimate: Any, seed: int, power: int
) -> None:
    X = cloud(seed)
    np.testing.assert_allclose(estimate(np.ldexp(X, power)), estimate(X), rtol=1e-12)


@pytest.mark.parametrize("estimate", [*BY_NEIGHBOURS.values()], ids=[*BY_NEIGHBOURS])
@settings(max_examples=12)
@given(seed=st.integers(0, 99), power=POWERS.filter(lambda power: power <= 490))
def test_no_size_of_a_cloud_changes_its_neighbours(estimate: Any, seed: int, power: int) -> None:
    X = cloud(seed)
    # Distances below 2⁻¹⁰²² have few digits left, and a pair near a radius may change sides.
    of_few_digits = 0.1 if estimate is BY_NEIGHBOURS["correlation"] else 1e-3
    tolerance = 0 if power > -900 else of_few_digits
    np.testing.assert_allclose(estimate(np.ldexp(X, power)), estimate(X), rtol=tolerance)


@settings(max_examples=12)
@given(seed=st.integers(0, 99), power=POWERS)
def test_lengths_and_distances_have_the_size_of_the_cloud(seed: int, power: int) -> None:
    X, Y = cloud(seed), cloud(seed + 1)
    scaled = [np.ldexp(Z, power) for Z in (X, Y)]
    np.testing.assert_array_equal(norms(scaled[0]), np.ldexp(norms(X), power))
    np.testing.assert_array_equal(hausdorff(*scaled), np.ldexp(hausdorff(X, Y), power))
    assert distance_moved(*scaled) == np.ldexp(distance_moved(X, Y), power)


def test_distances_of_few_digits_are_refused() -> None:
    X = cloud(0)
    neighbour_graph(np.ldexp(X, -1050), 3)
    for power in (-1060, -1070):
        tiny = np.ldexp(X, power)
        for call in (lambda X: neighbour_graph(X, 3), lambda X: local_dimension(X, 5), gride):
            with pytest.raises(ValueError, match=r"distances below 5e-318, of which float64"):
                call(tiny)
        larger = neighbour_graph(tiny * 2.0**200, 3)
        assert larger.distances.min() > 0
    copies = np.ldexp(np.repeat(X[:3], 4, axis=0), -1050)
    assert (neighbour_graph(copies, 3).distances == 0).all()  # which are exact


def test_tiny_differences_in_a_cloud_of_ordinary_size_are_measured() -> None:
    X = cloud(0)
    X[0] = 0
    X[1:4] = np.ldexp(cloud(1)[:3], -560)
    found = neighbour_graph(X, 3)
    for row in range(4):
        exact = sorted(_distance(X[row], X[other]) for other in range(4) if other != row)
        np.testing.assert_allclose(found.distances[row], exact, rtol=1e-15)


def _distance(x: np.ndarray, y: np.ndarray) -> float:
    """In exact fractions: the square is brought up before the root, and the root down again."""
    square = sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(x, y, strict=True))
    return math.ldexp(math.sqrt(square * 2**1100), -550)


def test_eigenvalues_that_float64_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="overflow float64"):
        spectrum(np.ldexp(cloud(0), 600))
    with pytest.raises(ValueError, match="values around"):
        neighbour_graph(np.ldexp(cloud(0), 600), 3)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("offset", [0.1, 1e10 / 3])
def test_copies_have_no_direction(rule: Any, offset: float) -> None:
    X = cloud(0, width=5)
    X[:9] = offset * np.arange(1, 6) / 7
    assert np.isnan(local_dimension(X, 8, "lpca", rule=rule)[:9]).all()
    if rule == "FO":
        assert np.isnan(global_dimension(X[:9], "lpca"))
        assert np.isnan(participation_ratio(X[:9]))
        assert spectrum(X[:9]).max() == 0


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64, torch.bool])
def test_whole_numbers_of_torch_are_those_of_numpy(dtype: torch.dtype) -> None:
    top = 2**31 - 1 if dtype in (torch.int32, torch.int64) else 100
    X = torch.from_numpy(np.random.default_rng(0).integers(top - 99, top, (30, 4))).to(dtype)
    own, numpys = neighbour_graph(X, 4), neighbour_graph(X.numpy(), 4)
    np.testing.assert_array_equal(own.distances, numpys.distances)


@pytest.mark.parametrize(
    ("X", "told"),
    [
        (torch.zeros(5, 3, dtype=torch.complex64), "dtype complex64"),
        (np.zeros((5, 3), complex), "dtype complex128"),
        ([["a"], ["b"], ["c"]], "dtype <U1"),
        ([[1, 2], [3], [4]], "no point cloud"),
        (None, "NoneType"),
        (np.array([[1, None]] * 4), "dtype object"),
    ],
)
def test_what_is_no_cloud_is_refused_in_a_sentence(X: Any, told: str) -> None:
    calls = (
        lambda: neighbour_graph(X, 1),
        lambda: local_dimension(X, 3),
        lambda: global_dimension(X, "lpca"),
    )
    for call in calls:
        with pytest.raises(ValueError, match=f"{told}|dtype object"):  # as an array None is that
            call()


@pytest.mark.parametrize("value", ["3", 2.5, None, [3]])
def test_numbers_that_are_none_are_refused_by_name(value: Any) -> None:
    X = cloud(0)
    calls = {
        "n_neighbors": [
            lambda: neighbour_graph(X, value),
            lambda: neighbour_graph(X, 5).nearest(value),
            *(lambda e=e: local_dimension(X, value, e) for e in ("twonn", "lpca", "mle")),
            lambda: global_dimension(X, "mle", n_neighbors=value),
            lambda: neighbourhood_overlap(X, X, value),
        ],
        "range_max": [lambda: gride(X, value)],
        "scale": [lambda: global_dimension(X, "gride", scale=value)],
        "audit": [lambda: neighbour_graph(X, 3, search="int8", audit=value)],
    }
    for name, some in calls.items():
        for call in some:
            with pytest.raises(ValueError, match=f"{name} is .*whole number"):
                call()
    if value != 2.5 and value != "3":
        with pytest.raises(ValueError, match="alpha is"):
            local_dimension(X, 5, "lpca", alpha=value)


def test_rows_are_whole_numbers() -> None:
    for rows in ([1.5], "a", 3):
        with pytest.raises(ValueError, match="rows is"):
            local_dimension(cloud(0), 5, "lpca", rows=rows)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_halves_give_no_warning(half: torch.dtype) -> None:
    X = torch.from_numpy(cloud(0)).to(half) * 1e4
    X[3] *= 6 if half == torch.float16 else 1e33
    if half == torch.float16:
        X = X.clamp(-6e4, 6e4)
    assert np.isfinite(local_dimension(X, 7, "lpca")).all()
