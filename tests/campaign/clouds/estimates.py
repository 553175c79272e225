"""Estimators on hostile clouds: equal to brute force, or a refusal in words; no NaN in silence."""

import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np

import lm_geometry
from lm_geometry.workspace.faults import sentence
from tests.campaign.clouds import brute_force
from tests.campaign.clouds.brute_force import Wanted
from tests.campaign.clouds.hostile import Drawn, drawn
from tests.campaign.trials import Outcome, Trial

KIND = "hostile clouds"
SMALLEST = 2e-323  # what a distance is off by at the end of the range of float64


class WrongError(Exception):
    """An estimate is not what it should be."""


def trials(numbers: Iterable[int], seed: int) -> Iterator[Trial]:
    """One for each number, by which its cloud is drawn."""
    for number in numbers:
        random = np.random.default_rng([seed, number])
        cloud = drawn(random)
        outcome, told = _outcome(cloud, random)
        yield Trial(KIND, number, outcome, f"{cloud.kind}: {told}")


def _outcome(cloud: Drawn, random: np.random.Generator) -> tuple[Outcome, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if cloud.must:
                return _refused(cloud.X)
            check(cloud.X, int(random.integers(3, len(cloud.X))))
    except WrongError as error:
        return "wrong", str(error)
    except Exception as error:
        if cloud.may and sentence(error):
            return "survived", "refused"
        return "lost", f"{type(error).__name__}: {error}"[:300]
    return "survived", ""


def _refused(X: Any) -> tuple[Outcome, str]:
    calls = (partial(lm_geometry.local_dimension, n_neighbors=3), lm_geometry.global_dimension)
    for name, call in product(("twonn", "mle", "lpca"), calls):
        try:
            found = call(X, estimator=name)
        except Exception as error:
            if sentence(error) is None:
                return "lost", f"{name}: {type(error).__name__}: {error}"[:300]
        else:
            return "wrong", f"{name}: {found} of what is no cloud"
    return "survived", "refused"


def check(X: Any, k: int) -> None:
    """Raises WrongError where the graph of X, or an estimate at k neighbours, is another."""
    D = brute_force.distances(X)
    unit = brute_force.unit_of(D)
    graph = lm_geometry.neighbour_graph(X, k)
    _check_graph(D, graph.indices, graph.distances)
    local = {name: _local(X, k, name) for name in ("twonn", "mle", "lpca")}
    points = np.asarray(X)
    for token, near in enumerate(graph.indices):
        among = D[np.ix_(near, near)]
        _compare("local twonn", local["twonn"][token], brute_force.twonn(among, unit))
        _compare("local mle", local["mle"][token], brute_force.mle(D[token, near], unit))
        _compare("local lpca", local["lpca"][token], brute_force.lpca(points[near]))
    _compare("twonn", lm_geometry.global_dimension(X, "twonn"), brute_force.twonn(D, unit))
    _compare("lpca", lm_geometry.global_dimension(X, "lpca"), brute_force.lpca(points))
    found = lm_geometry.gride(X, 8)
    for n1, dimension in zip(found.n1, found.dimension, strict=True):
        _compare(f"gride at {n1}", dimension, brute_force.gride(D, int(n1), unit))


def _local(X: Any, k: int, estimator: str) -> Any:
    """The estimates; raises WrongError unless it is said that none is finite, and only then."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = lm_geometry.local_dimension(X, k, estimator)
    told = [str(warning.message) for warning in said]
    undefined = not np.isfinite(found).any()
    if ["undefined around each" in text for text in told] != [True] * undefined:
        raise WrongError(f"{estimator}: {np.isfinite(found).sum()} finite; said: {told}")
    return found


def _check_graph(D: Any, indices: Any, distances: Any) -> None:
    k = indices.shape[1]
    nearest = np.sort(D + np.diag(np.full(len(D), np.inf)), axis=1)[:, :k]
    named = np.take_along_axis(D, indices.astype(np.int64), axis=1)
    for what, other in (("distances", named), ("neighbours", nearest)):
        off = np.abs(distances - other) > 1e-12 * other + SMALLEST
        if off.any():
            raise WrongError(f"{what} of tokens {np.flatnonzero(off.any(axis=1))[:5]}")
    for token, near in enumerate(indices):
        if token in near or len(set(near.tolist())) < k:
            raise WrongError(f"token {token} has itself, or a neighbour twice")


def _compare(what: str, found: float, wanted: Wanted) -> None:
    if wanted.within == np.inf or (np.isnan(found) and np.isnan(wanted.value)):
        return
    if found == wanted.value or abs(found - wanted.value) <= wanted.within:
        return
    raise WrongError(f"{what} is {found}, by brute force {wanted.value} ± {wanted.within:.1e}")
