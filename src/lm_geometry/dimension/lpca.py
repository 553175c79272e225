"""Local principal component analysis: the number of components of a neighbourhood that count.

Fukunaga, Olsen 1971, IEEE Transactions on Computers 20:176; Fan et al. 2010, arXiv:1002.2050. The
non-zero eigenvalues of the covariance of a neighbourhood of L tokens are those of the L × L inner
products of its centred vectors.
"""

import inspect
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.dimension.large_eigenvalues import counts_above
from lm_geometry.dimension.spectrum_rules import RULES, Rule
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.counts import number, whole
from lm_geometry.point_cloud.cloud import PointCloud, as_array, as_cloud
from lm_geometry.point_cloud.loops import over_rows
from lm_geometry.point_cloud.magnitude import centred_to_one
from lm_geometry.point_cloud.shapes import Float, Float32, Float64, Int64, Integer

NEAR_THRESHOLD = 3e-5  # closer to it than this, λ/λ₁ in float32 decides nothing
BATCH = 32  # neighbourhoods of one call to the eigenvalue routine


def local(
    X: PointCloud,
    graph: NeighbourGraph,
    n_neighbors: int,
    rows: ArrayLike | None = None,
    rule: Rule = "FO",
    **constants: float,
) -> Float64[np.ndarray, "rows"]:
    """The lPCA dimension of the neighbourhoods of the tokens `rows` (all by default), `[rows]`.

    The neighbourhood are the `n_neighbors` nearest other tokens of X without the token itself.
    `rule` and its `constants` are those of scikit-dimension's `lPCA`: "FO" (`alpha` = 0.05), "Fan"
    (`alpha` = 10, `beta` = 0.8, `proportion` = 0.95), "maxgap", "ratio" (`alpha` = 0.05),
    "participation_ratio", "Kaiser", "broken_stick". NaN where all vectors are equal.

    Source: Fukunaga, Olsen 1971 ("FO"), Fan et al. 2010 ("Fan"), the others as scikit-dimension.
    Cost: O(rows · L² · (L + width)) time, O(L²) memory for a neighbourhood.
    Bias: counts linear directions: too high where the cloud is curved at the size of L, at most L.
    Raises ValueError for another rule, for a constant that the rule does not have, and for rows or
    neighbours that the graph does not have.
    """
    check(rule, constants, n_neighbors)
    points, near = as_array(X), graph.nearest(n_neighbors).indices
    if len(points) != len(graph):
        raise ValueError(f"X has {len(points)} tokens, but its graph has {len(graph)}")
    tokens = np.arange(len(graph)) if rows is None else _whole_rows(rows)
    if outside := tokens[(tokens < 0) | (tokens >= len(graph))].tolist():
        raise ValueError(f"rows has {outside[0]}, but X has {len(graph)} tokens")
    return _of_rows(points, near[tokens], rule, constants)


def of_neighbourhoods(
    X: PointCloud,
    near: Integer[np.ndarray, "queries L"],
    rule: Rule = "FO",
    **constants: float,
) -> Float64[np.ndarray, "queries"]:
    """The lPCA dimension of neighbourhoods, rows `near` of X `[tokens, width]`.

    As `local`, to the last bit, whoever they are of.
    """
    check(rule, constants, near.shape[1])
    return _of_rows(as_array(X), near, rule, constants)


def _of_rows(
    points: Float[np.ndarray, "tokens width"],
    near: Integer[np.ndarray, "rows L"],
    rule: Rule,
    constants: Mapping[str, float],
) -> Float64[np.ndarray, "rows"]:
    estimates = np.empty(len(near))

    def work(first: int, last: int) -> None:
        for start in range(first, last, BATCH):
            stop = min(start + BATCH, last)
            estimates[start:stop] = _estimate(points, near[start:stop], rule, constants)

    over_rows(work, len(near), at_least=BATCH)
    return estimates


def _whole_rows(rows: ArrayLike) -> Int64[np.ndarray, "rows"]:
    asked = np.asarray(rows)
    if asked.ndim != 1 or (asked.size and asked.dtype.kind not in "iu"):
        raise ValueError(f"rows is {rows!r}; it must be a list of row numbers of X")
    return asked.astype(np.int64)


def of_cloud(X: PointCloud, rule: Rule = "FO", **constants: float) -> float:
    """The number of components of the whole cloud X `[tokens, width]` that count.

    Rules, constants, source and bias as `local`; time O(tokens · m²) for the smaller m of tokens
    and width.
    """
    points = as_cloud(X)
    check(rule, constants, len(points))
    if points.shape[1] > len(points):
        return float(
            _estimate(points.astype(np.float64), np.arange(len(points))[None], rule, constants)[0]
        )
    centred = centred_to_one(points)[0]
    return float(_apply(_spectra((centred.T @ centred)[None]), rule, constants)[0])


def check(rule: str, constants: Mapping[str, float], n_neighbors: int) -> None:
    """Raises ValueError for a rule that lPCA does not have or constants that are not the rule's."""
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}; it must be one of {', '.join(RULES)}")
    known = list(inspect.signature(RULES[rule]).parameters)[1:]
    for name, value in constants.items():
        if name not in known:
            raise ValueError(f"rule {rule} has no constant {name!r}; it has {known or 'none'}")
        number(value, name)
    if whole(n_neighbors, "n_neighbors") < 3:
        raise ValueError(f"n_neighbors is {n_neighbors}; lPCA needs at least 3")


def _estimate(
    points: Float[np.ndarray, "tokens width"],
    near: Integer[np.ndarray, "rows L"],
    rule: str,
    constants: Mapping[str, float],
) -> Float64[np.ndarray, "rows"]:
    """The dimensions of the neighbourhoods `near`."""
    if rule != "FO":
        return _apply(_spectra(_products(points, near)), rule, constants)
    # A count is wanted, so single precision is enough except beside the threshold.
    alpha = constants.get("alpha", 0.05)
    estimates, sure = counts_above(_single_products(points, near), alpha, NEAR_THRESHOLD)
    if not sure.all():
        estimates[~sure] = _apply(_spectra(_products(points, near[~sure])), rule, constants)
    return estimates


def _single_products(
    points: Float[np.ndarray, "tokens width"], near: Integer[np.ndarray, "rows L"]
) -> Float32[np.ndarray, "rows m m"]:
    """As `_products` in float32, not scaled.

    The differences to a member come before the mean: neighbours are close, so that the difference
    of two is nearly exact however far from the origin they are.
    """
    products = np.empty((len(near), _size(points, near), _size(points, near)), np.float32)
    for row, tokens in enumerate(near):
        vectors = points[tokens]
        with np.errstate(over="ignore", invalid="ignore"):  # found and measured again in float64
            vectors = (vectors - vectors[0]).astype(np.float32, copy=False)
            vectors -= vectors.mean(axis=0)
            _multiply(vectors, products[row])
    return products


def _products(
    points: Float[np.ndarray, "tokens width"], near: Integer[np.ndarray, "rows L"]
) -> Float64[np.ndarray, "rows m m"]:
    """Inner products of the centred vectors (m = L), or of the coordinates if these are fewer."""
    products = np.empty((len(near), _size(points, near), _size(points, near)))
    for row, tokens in enumerate(near):
        vectors = centred_to_one(points[tokens])[0]
        scale = np.abs(vectors).max()
        vectors /= scale if scale > 0 else 1
        _multiply(vectors, products[row])
    return products


def _size(points: Float[np.ndarray, "tokens width"], near: Integer[np.ndarray, "rows L"]) -> int:
    return min(near.shape[1], points.shape[1])


def _multiply(vectors: Float[np.ndarray, "L width"], product: Float[np.ndarray, "m m"]) -> None:
    if len(vectors) > vectors.shape[1]:
        vectors = vectors.T
    np.matmul(vectors, vectors.T, out=product)


def _spectra(products: Float64[np.ndarray, "rows m m"]) -> Float64[np.ndarray, "rows m"]:
    """Eigenvalues, largest first, without the negative ones of rounding."""
    return np.maximum(np.linalg.eigvalsh(products)[:, ::-1], 0).astype(np.float64)


def _apply(
    spectra: Float64[np.ndarray, "rows m"], rule: str, constants: Mapping[str, float]
) -> Float64[np.ndarray, "rows"]:
    estimates, there = np.full(len(spectra), np.nan), spectra[:, 0] > 0
    if there.any():
        estimates[there] = RULES[rule](spectra[there], **constants)
    return estimates
