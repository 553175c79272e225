"""Sums over the rows of a cloud, by group, from which moments without any one group are had."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from lm_geometry.point_cloud.cloud import SAMPLE
from lm_geometry.point_cloud.shapes import Bool, Float64, Int64

Products = Float64[np.ndarray, "m m"]


@dataclass(frozen=True)
class Moments:
    """Sums over some rows x `[tokens, width]` of a cloud, from which its spectra follow.

    `products` are Σxxᵀ `[width, width]`, or those of the rows with each other `[tokens, tokens]`
    where these are fewer; `centred` are the same of the rows minus their mean, `squares`, `pairs`
    and `fourths` are Σ|x|², Σ(x·y)² and Σ|x|⁴ of these.
    """

    tokens: int
    products: Products
    centred: Products
    squares: float
    pairs: float
    fourths: float


def moments_without_groups(
    points: Float64[np.ndarray, "tokens width"], groups: Int64[np.ndarray, "tokens"], number: int
) -> Iterator[Moments]:
    """The moments of all rows, then those without each of the groups 0 … number − 1.

    The fourth powers of `points` are in range. Sums of one group are made once, of the rows minus
    a typical one; what is without a group is the sum of the others. So a group of huge rows leaves
    no rounding in what is without it. Cost:
    O(tokens · width · min(tokens, width)) time and `number` products `[width, width]` of memory, or
    one `[tokens, tokens]`.
    """
    centre = np.median(points[:: -(-len(points) // SAMPLE)], axis=0)  # no huge row drags it
    rows = points - centre
    if len(points) <= points.shape[1]:
        products, centred = points @ points.T, rows @ rows.T
        for keep in keeps(groups, number):
            yield _of_few(products[np.ix_(keep, keep)], centred[np.ix_(keep, keep)])
        return
    sums = [_sums(rows[groups == g]) for g in range(-1, number)]  # −1: in no group
    yield _of_many(sums, centre)
    for g in range(number):
        yield _of_many(sums[: g + 1] + sums[g + 2 :], centre)


def keeps(groups: Int64[np.ndarray, "tokens"], number: int) -> Iterator[Bool[np.ndarray, "tokens"]]:
    """Which rows there are: all, then those without each group, as `moments_without_groups`."""
    yield np.ones(len(groups), bool)
    yield from (groups != g for g in range(number))


def _of_few(products: Products, kernel: Products) -> Moments:
    """`kernel` has the products of rows that are centred nearly, and is centred wholly here."""
    if len(kernel):
        means = kernel.mean(axis=0)
        kernel = kernel - means - means[:, None] + means.mean()
    lengths = kernel.diagonal()
    pairs = float(np.einsum("ij,ij->", kernel, kernel))
    return Moments(
        len(kernel), products, kernel, float(lengths.sum()), pairs, float(lengths @ lengths)
    )


@dataclass(frozen=True)
class _Sums:
    """Over rows y: how many; Σy, Σyyᵀ, Σ|y|², Σ|y|²y, Σ|y|⁴."""

    tokens: int
    rows: Float64[np.ndarray, "width"]
    products: Products
    squares: float
    cubes: Float64[np.ndarray, "width"]
    fourths: float

    def __add__(self, other: "_Sums") -> "_Sums":
        mine, others = self.__dict__, other.__dict__
        return _Sums(**{name: mine[name] + others[name] for name in mine})


def _sums(rows: Float64[np.ndarray, "tokens width"]) -> _Sums:
    lengths = np.einsum("td,td->t", rows, rows)
    fourths = float(lengths @ lengths)
    products = rows.T @ rows
    return _Sums(len(rows), rows.sum(0), products, float(lengths.sum()), lengths @ rows, fourths)


def _of_many(parts: list[_Sums], centre: Float64[np.ndarray, "width"]) -> Moments:
    """With m the mean of the rows y, |y − m|⁴ = (|y|² − 2 y·m + |m|²)² is a sum of the sums."""
    found = reduce(add, parts)
    n, total = found.tokens, found.rows
    mean = total / max(n, 1)
    short = float(mean @ mean)
    centred = found.products - np.outer(total, mean)
    fourths = (
        found.fourths
        + 4 * float(mean @ found.products @ mean)
        + n * short**2
        - 4 * float(mean @ found.cubes)
        + 2 * short * found.squares
        - 4 * short * float(mean @ total)
    )
    across = np.outer(centre, total)
    products = found.products + across + across.T + n * np.outer(centre, centre)
    pairs = float(np.einsum("ij,ij->", centred, centred))
    return Moments(n, products, centred, float(np.trace(centred)), pairs, fourths)
