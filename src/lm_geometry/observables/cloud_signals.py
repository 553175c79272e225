"""All signals of one cloud, each with its values without one group of tokens after another."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lm_geometry.observables.alpha_req import RANKS, fewest_of, positive, slope_of
from lm_geometry.observables.cloud_moments import Moments, keeps, moments_without_groups
from lm_geometry.observables.massive import FACTOR, beyond
from lm_geometry.observables.moved import distances_moved
from lm_geometry.observables.norms import norms
from lm_geometry.observables.persistent_homology import dimensions_without_groups
from lm_geometry.observables.rankme import EPSILON
from lm_geometry.observables.spectrum import FEWEST_FOR_MOMENTS, corrected_ratio, exp_entropy
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.magnitude import rows_to_one, to_one
from lm_geometry.point_cloud.shapes import Float, Float64, Int64, Integer

SPECTRAL = ("rankme", "alpha_req", "participation_ratio", "effective_rank")
BY_POWER = {"persistent_homology_0": 0, "persistent_homology_1": 1}  # of the trees' edges
SIGNALS = (*SPECTRAL, "mean_cosine", *BY_POWER, "distance_moved", "massive_tokens")


class Signal(NamedTuple):
    """A signal of a cloud, and the same without each group of its tokens, `[groups]`."""

    name: str
    value: float
    without: Float64[np.ndarray, "groups"]


def cloud_signals(
    X: PointCloud,
    groups: Integer[np.ndarray, "tokens"] | None = None,
    base: PointCloud | None = None,
    names: Sequence[str] | None = None,
    number: int | None = None,
    factor: float = FACTOR,
) -> list[Signal]:
    """The signals `names` of X `[tokens, width]`, each with its values without one group of tokens.

    `groups` `[tokens]` has the group of each token, 0 … number − 1; a negative one is in no group
    and is never left out. `number` is the largest and 1 by default; a group may have no token.
    Names are those of SIGNALS: all by default, `distance_moved` where there is a `base`, the states
    `[tokens, width]` of the same tokens that it is measured from. Each value is what the function
    of its name says of X, `without[g]` what it says of X[groups != g]; the participation ratio is
    the corrected one, the number of massive tokens that of `massive_tokens(X, factor)`,
    "persistent_homology_1" is `persistent_homology_dimension` at power 1 and seed 0, and a token
    stays in its part whatever is left out. NaN where it has no value: too few tokens or directions,
    or a row without a direction.

    Source: as each function.
    Cost: products of the rows once, O(tokens · width · m) time, then the eigenvalues without each
    group, O(m³) each, m the smaller of tokens and width; memory as `moments_without_groups`.
    Bias: as each function.
    Raises ValueError for unknown names, for groups of another length, for a missing `base` and one
    of another shape, and for NaN or infinite values.
    """
    points = as_cloud(X, at_least=1)
    labels, number = _labels(groups, number, len(points))
    asked = _asked(names, base is not None)
    found = _spectral(points, labels, number) if set(asked) & set(SPECTRAL) else {}
    if "mean_cosine" in asked:
        found["mean_cosine"] = _mean_cosines(points, labels, number)
    if of_trees := {name: BY_POWER[name] for name in asked if name in BY_POWER}:
        dimensions = dimensions_without_groups(points, labels, number, [*of_trees.values()])
        found |= dict(zip(of_trees, dimensions.T.tolist(), strict=True))
    if base is not None and "distance_moved" in asked:
        distances = distances_moved(points, base)
        found["distance_moved"] = [
            float(distances[keep].mean()) if keep.any() else np.nan
            for keep in keeps(labels, number)
        ]
    if "massive_tokens" in asked:
        lengths = norms(points)
        found["massive_tokens"] = [
            float(beyond(lengths[keep], factor).sum()) for keep in keeps(labels, number)
        ]
    return [Signal(name, found[name][0], np.array(found[name][1:])) for name in asked]


def _labels(
    groups: Integer[np.ndarray, "tokens"] | None, number: int | None, tokens: int
) -> tuple[Int64[np.ndarray, "tokens"], int]:
    labels = np.full(tokens, -1) if groups is None else np.asarray(groups)
    if labels.shape != (tokens,):
        raise ValueError(f"groups has shape {labels.shape}, but X has {tokens} tokens")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"groups has dtype {labels.dtype}; a group is a whole number")
    labels = np.maximum(labels.astype(np.int64), -1)
    there = int(labels.max()) + 1
    if number is not None and number < there:
        raise ValueError(f"number is {number}, but groups has {there}")
    return labels, there if number is None else number


def _asked(names: Sequence[str] | None, moved: bool) -> list[str]:
    asked = [name for name in SIGNALS if moved or name != "distance_moved"]
    asked = asked if names is None else list(names)
    if unknown := [name for name in asked if name not in SIGNALS]:
        raise ValueError(f"names: {unknown} are no signals; there are {', '.join(SIGNALS)}")
    if "distance_moved" in asked and not moved:
        raise ValueError("distance_moved needs base, the states that it is measured from")
    return asked


def _spectral(
    points: Float[np.ndarray, "tokens width"], labels: Int64[np.ndarray, "tokens"], number: int
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in SPECTRAL}
    scaled, _ = to_one(points)
    with single_threaded_blas():  # its threads add in another order, and wait for each other
        for moments in moments_without_groups(scaled, labels, number):
            for name, value in _of_moments(moments, points.shape[1]).items():
                found[name].append(value)
    return found


def _of_moments(moments: Moments, width: int) -> dict[str, float]:
    n = moments.tokens
    if n < 2:
        return dict.fromkeys(SPECTRAL, np.nan)
    shape = n, width
    squares, values = (_eigenvalues(one, shape) for one in (moments.products, moments.centred))
    ranked, first = positive(values, shape), RANKS[0]
    sums = moments.squares, moments.pairs, moments.fourths
    return {
        "rankme": exp_entropy(np.sqrt(squares), EPSILON),
        "alpha_req": slope_of(ranked, RANKS)
        if len(ranked) >= first + fewest_of(RANKS) - 1
        else np.nan,
        "participation_ratio": corrected_ratio(n, *sums) if n >= FEWEST_FOR_MOMENTS else np.nan,
        "effective_rank": exp_entropy(values),
    }


def _eigenvalues(
    products: Float64[np.ndarray, "m m"], shape: tuple[int, int]
) -> Float64[np.ndarray, "components"]:
    """Largest first, min(tokens, width) of them; what rounding explains is 0."""
    values = np.linalg.eigvalsh(products)[::-1][: min(shape)]
    floor = values[0] * max(shape) * np.finfo(float).eps
    return np.where(values > floor, values, 0.0)


def _mean_cosines(
    points: Float[np.ndarray, "tokens width"], labels: Int64[np.ndarray, "tokens"], number: int
) -> list[float]:
    rows, _ = rows_to_one(points)
    lengths = np.sqrt(np.einsum("td,td->t", rows, rows))
    units = np.divide(rows, lengths[:, None], where=lengths[:, None] > 0, out=np.zeros_like(rows))
    sums = [units[labels == g].sum(axis=0) for g in range(-1, number)]  # −1: in no group
    others = [sums, *(sums[: g + 1] + sums[g + 2 :] for g in range(number))]
    found = []
    for kept, keep in zip(others, keeps(labels, number), strict=True):
        total, n = np.sum(kept, axis=0), int(keep.sum())
        directed = n >= 2 and bool((lengths[keep] > 0).all())
        found.append(float(total @ total) / n**2 if directed else np.nan)
    return found
