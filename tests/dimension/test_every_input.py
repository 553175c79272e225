"""Every public function takes numpy, memmaps and torch, float16 to float64, with one answer."""

import inspect

import numpy as np
import pytest
import torch

import lm_geometry
from lm_geometry.observables.cosine import cosine
from lm_geometry.observables.spectrum import spectrum
from lm_geometry.surrogates import KINDS as NULL_MODELS
from lm_geometry.surrogates import PARTS
from tests.structure import ROOT

DOCUMENTATION = ROOT / "docs" / "estimators.md"
ROOMS = ("dimension", "neighbours", "observables", "surrogates")
ESTIMATORS = tuple(f"lm_geometry.{room}" for room in ROOMS)
GLOBAL = (
    "twonn",
    "mle",
    "gride",
    "lpca",
    "l2n2",
    "bayesian_twonn",
    "binomial",
    "correlation",
    "ca_pca",
)
THIRDS = np.arange(90) % 3  # labels of the tokens of a cloud
CALLS = {
    "local_dimension": lambda X, Y: np.stack(
        [
            lm_geometry.local_dimension(X, 20, name)
            for name in ("twonn", "mle", "lpca", "ca_pca", "MOM")
        ]
    ),
    "global_dimension": lambda X, Y: [
        lm_geometry.global_dimension(X, name) for name in (*GLOBAL, "MOM")
    ],
    "gride": lambda X, Y: lm_geometry.gride(X, 32).dimension,
    "flat_equivalent": lambda X, Y: lm_geometry.flat_equivalent(
        1 + lm_geometry.norms(X).mean() % 9, 2000
    ),
    "scales": lambda X, Y: [
        one.dimension for one in lm_geometry.scales(X, THIRDS, 20, 16).readings
    ],
    "bayesian_twonn": lambda X, Y: lm_geometry.bayesian_twonn(X),
    "correlation_integral": lambda X, Y: lm_geometry.correlation_integral(X, [0.5, 2, 4, 1e9]),
    "neighbour_graph": lambda X, Y: lm_geometry.neighbour_graph(X, 9).distances,
    "excluding": lambda X, Y: (
        lm_geometry.excluding(lm_geometry.neighbour_graph(X, 9), THIRDS, 9, X).distances
    ),
    "remaining": lambda X, Y: (
        lm_geometry.remaining(lm_geometry.neighbour_graph(X, 9), THIRDS > 0, 9, X).distances
    ),
    "neighbourhood_overlap": lambda X, Y: lm_geometry.neighbourhood_overlap(X, Y, 9),
    "information_imbalance": lambda X, Y: [
        lm_geometry.information_imbalance(X, Y, k) for k in (1, 9)
    ],
    "label_overlap": lambda X, Y: lm_geometry.label_overlap(X, THIRDS, 9),
    "linear_cka": lm_geometry.linear_cka,
    "hausdorff": lm_geometry.hausdorff,
    "mean_cosine": lambda X, Y: [lm_geometry.mean_cosine(X, d) for d in (True, False)],
    "cosine": lambda X, Y: cosine(X),
    "nearest_neighbour_angle": lambda X, Y: lm_geometry.nearest_neighbour_angle(X),
    "reciprocity": lambda X, Y: lm_geometry.reciprocity(X, 9),
    "norms": lambda X, Y: lm_geometry.norms(X),
    "participation_ratio": lambda X, Y: [
        lm_geometry.participation_ratio(X, corrected) for corrected in (False, True)
    ],
    "persistent_homology_dimension": lambda X, Y: [
        lm_geometry.persistent_homology_dimension(X, power) for power in (0, 1, 2.5)
    ],
    "rankme": lambda X, Y: lm_geometry.rankme(X),
    "alpha_req": lambda X, Y: lm_geometry.alpha_req(X, (2, 11)),
    "massive_tokens": lambda X, Y: lm_geometry.massive_tokens(X, 1.2),
    "distance_moved": lambda X, Y: [
        lm_geometry.distance_moved(X, Y, relative) for relative in (False, True)
    ],
    "cloud_signals": lambda X, Y: [
        one.value
        for one in lm_geometry.cloud_signals(X, base=Y, factor=1.2)
        if one.name != "alpha_req"  # of which it takes the default ranks, and 12 are too few
    ],
    "effective_rank": lambda X, Y: lm_geometry.effective_rank(X),
    "spectrum": lambda X, Y: spectrum(X),
    "deduplicate": lambda X, Y: lm_geometry.deduplicate(X),
    "surrogate": lambda X, Y: [
        lm_geometry.surrogate(X, kind, 0, THIRDS, np.arange(90) % 4) for kind in NULL_MODELS
    ],
    "swap": lambda X, Y: [lm_geometry.swap(X, Y, part, THIRDS) for part in PARTS],
}
PUBLIC = [
    name
    for name in lm_geometry.__all__
    if inspect.isfunction(getattr(lm_geometry, name))
    and getattr(lm_geometry, name).__module__.startswith(ESTIMATORS)
]


def to_memmap(X, folder):
    file = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(file, X)
    return np.load(file, mmap_mode="r")


KINDS = {
    "float16": lambda X, folder: X.astype(np.float16),
    "float32": lambda X, folder: X.astype(np.float32),
    "columns first": lambda X, folder: np.asfortranarray(X),
    "every other row of more": lambda X, folder: np.repeat(X, 2, axis=0)[::2],
    "memmap": to_memmap,
    "memmap float16": lambda X, folder: to_memmap(X.astype(np.float16), folder),
    "torch float16": lambda X, folder: torch.tensor(X, dtype=torch.float16),
    "torch bfloat16": lambda X, folder: torch.tensor(X, dtype=torch.bfloat16),
    "torch float32": lambda X, folder: torch.tensor(X, dtype=torch.float32, requires_grad=True),
    "torch float64": lambda X, folder: torch.tensor(X).T.contiguous().T,
    "list": lambda X, folder: X.tolist(),
}


def cloud(seed):
    """A cloud `[90, 12]` of numbers that bfloat16 holds exactly, and so every other type."""
    rng = np.random.default_rng(seed)
    X = torch.tensor(rng.standard_normal((90, 12)) * np.geomspace(1, 0.2, 12))
    return X.to(torch.bfloat16).to(torch.float64).numpy()


@pytest.fixture(scope="module")
def expected():
    return {name: np.asarray(call(cloud(0), cloud(1))) for name, call in CALLS.items()}


def test_every_public_function_is_here():
    assert set(PUBLIC) <= set(CALLS)


@pytest.mark.parametrize("name", list(CALLS))
@pytest.mark.parametrize("kind", list(KINDS))
def test_the_answer_does_not_depend_on_how_a_cloud_is_stored(name, kind, expected, tmp_path):
    X, Y = (KINDS[kind](cloud(seed), tmp_path) for seed in (0, 1))
    np.testing.assert_allclose(CALLS[name](X, Y), expected[name], rtol=1e-12)


@pytest.mark.parametrize("name", list(CALLS))
def test_whole_numbers_are_numbers(name):
    X, Y = ((512 * cloud(seed)).round() for seed in (0, 1))
    found = CALLS[name](X.astype(np.int32), Y.astype(np.int32))
    np.testing.assert_allclose(found, CALLS[name](X, Y), rtol=1e-12)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", list(CALLS))
def test_the_answer_does_not_depend_on_the_device(name, dtype, expected):
    X, Y = (torch.tensor(cloud(seed), dtype=dtype, device="cuda") for seed in (0, 1))
    np.testing.assert_allclose(CALLS[name](X, Y), expected[name], rtol=1e-12)


@pytest.mark.parametrize("name", list(CALLS))
def test_rows_that_are_not_finite_are_named(name):
    X = cloud(0)
    X[[3, 5], 1] = np.nan, np.inf
    with pytest.raises(ValueError, match="NaN or infinite values in 2 rows: 3, 5"):
        CALLS[name](X, cloud(1))


@pytest.mark.parametrize("name", PUBLIC)
def test_the_documentation_says_what_every_function_does(name):
    function = getattr(lm_geometry, name)
    assert f"`{name}(" in DOCUMENTATION.read_text(encoding="utf-8")
    text = inspect.getdoc(function) or ""
    assert "tokens" in text
    if name not in ("neighbour_graph", "norms", "deduplicate"):
        assert [word for word in ("Source:", "Cost", "Bias", "Raises") if word not in text] == []
