"""Copies of a token, which deduplication of distances (the published way) misses, are found."""

import numpy as np
import pytest
from sklearn.metrics import euclidean_distances

from lm_geometry.embed.prompts import prompt_geometry
from lm_geometry.estimate import prompt_numbers

TOKENS, COPIES, WIDTH = 1024, 50, 2048


def planted() -> np.ndarray:
    """States with a large common component, of which 50 are copies of others."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((TOKENS, 5)) @ rng.standard_normal((5, WIDTH))
    X += 0.05 * rng.standard_normal((TOKENS, WIDTH)) + 10 * rng.standard_normal(WIDTH)
    places = rng.permutation(TOKENS)
    X[places[:COPIES]] = X[places[COPIES : 2 * COPIES]]
    return X.astype(np.float32)


def published_way(X: np.ndarray) -> tuple[int, float]:
    """Points left by `numpy.unique` of the rows of distances, and their dimension at scale 2."""
    distances = euclidean_distances(X)
    _, first = np.unique(distances, axis=0, return_index=True)
    kept = np.sort(distances[np.ix_(first, first)].astype(np.float64), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = kept[:, 2] / kept[:, 1]
    ratios = ratios[np.isfinite(ratios)]
    middle, high = np.quantile(ratios, [0.5, 0.95])
    ratios = ratios[ratios < 20 * (high - middle) + middle]
    return len(first), (len(ratios) - 1) / np.log(ratios).sum()


def test_copies_are_found_by_states_and_not_by_distances() -> None:
    X = planted()
    points, dimension = published_way(X)
    assert points > TOKENS - COPIES  # copies are left
    found = prompt_geometry(X[None])
    ours = prompt_numbers.dimension(found).dimension[0, 0]
    assert found.distinct[0] == TOKENS - COPIES
    distinct = prompt_numbers.dimension(prompt_geometry(np.unique(X, axis=0)[None])).dimension[0, 0]
    assert ours == pytest.approx(distinct, rel=1e-9)
    assert dimension < 0.5 * ours  # pairs at rounding distance make ratios without bound
