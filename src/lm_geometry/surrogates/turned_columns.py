"""Orthonormal columns, turned until the rows that they stand for have given norms."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.directions import nearest_orthonormal

STEPS, WELL = 40, 1e-9  # at most; the error that is good enough to stop
# The error that is left in a step's linear system is that of the norms, between these.
SOLVED, ITERATIONS = (1e-4, 0.1), 50
SMALLEST = 2.0**-10  # part of a step, below which none helps
Columns = Float64[np.ndarray, "tokens rank"]
PerToken = Float64[np.ndarray, "tokens"]
PerRank = Float64[np.ndarray, "rank"]


class Wanted(NamedTuple):
    """What rows `[tokens, rank]`, `mean + columns * sizes`, are to be."""

    mean: PerRank
    sizes: PerRank  # above 0
    squares: PerToken  # of norms

    def missing(self, columns: Columns) -> PerToken:
        """What each row's squared norm lacks, `[tokens]`."""
        rows = self.mean + columns * self.sizes
        return self.squares - np.einsum("tr,tr->t", rows, rows)

    def error(self, columns: Columns) -> float:
        """The root mean square over tokens of what is missing, each by its own measure.

        A row's measure is its squared norm; where a far mean makes norms large, norm times spread,
        which is what moving a row by the spread of the cloud does to its squared norm.
        """
        if not len(self.sizes):
            return 0.0  # copies of one row
        spread = np.sqrt(np.sum(self.sizes**2) / len(columns))
        norms = np.sqrt(self.squares)
        measures = norms * np.minimum(norms, spread) + 1e-6 * spread**2  # rows of 0 have none
        return float(np.sqrt(np.mean((self.missing(columns) / measures) ** 2)))


def turned_to_norms(columns: Columns, wanted: Wanted) -> Columns:
    """Centred orthonormal columns near to those given, whose rows have the norms that are wanted.

    By Newton's method among centred orthonormal columns: of the steps that mend all norms at once
    to first order that with the least Σ D² · sizes, which lies between turning all columns alike
    and stretching rows; as much of it as helps. Usually 5 steps to 1e-9, and continuous in what is
    given. Where nothing helps any more (two tokens, whose columns have no others near) the nearest
    that was found.
    Source: Newton's method on the Stiefel manifold, Edelman, Arias, Smith 1998, SIAM J. Matrix
    Anal. 20:303; that norms may be asked for, Schur 1923, Horn 1954.
    Cost: O(tokens · rank²) time a step, about twelve products of that size.
    """
    for _ in range(STEPS):
        error = wanted.error(columns)
        if error <= WELL:
            break
        nearer = _as_far_as_it_helps(columns, _step(columns, wanted, error), wanted, error)
        if nearer is None:
            break
        columns = nearer
    return columns


def _as_far_as_it_helps(
    columns: Columns, step: Columns, wanted: Wanted, error: float
) -> Columns | None:
    """Columns a step, or half of it, or a quarter of it, … on, whose error is less; or none."""
    part = 1.0
    while part >= SMALLEST:
        nearer = nearest_orthonormal(columns + part * step)
        if wanted.error(nearer) < error * (1 - part / 4):
            return nearer
        part /= 2
    return None


def _step(columns: Columns, wanted: Wanted, error: float) -> Columns:
    """The shortest step that mends what is missing to first order, and keeps the columns so."""
    steps, missing = _Steps(columns, wanted), wanted.missing(columns)
    left = float(np.clip(error, *SOLVED))
    with np.errstate(divide="ignore", invalid="ignore"):  # where rows have no room at all
        near = steps.nearly_inverse()
        factors, _ = cg(steps, missing / 2, rtol=left, maxiter=ITERATIONS, M=near)
    return steps.of(np.nan_to_num(factors, nan=0.0, posinf=0.0, neginf=0.0))


class _Steps(LinearOperator):
    """The shortest steps D, by a factor for each token; as an operator, what they do to norms.

    Of steps D `[tokens, rank]` with QᵀD antisymmetric and columns of sum 0, those with the least
    Σ D² · sizes for what they do to each row: D = (Λ G − its mean − Q Z) / sizes, with Q the
    columns, G the slopes of half the squared norms, Λ the factors. Z is symmetric, follows from Λ,
    and keeps the columns orthonormal.
    """

    def __init__(self, columns: Columns, wanted: Wanted) -> None:
        super().__init__(float, (len(columns), len(columns)))
        self.columns, self.inverse = columns, 1 / wanted.sizes
        self.slopes = (wanted.mean + columns * wanted.sizes) * wanted.sizes
        self.turned = self.slopes * self.inverse
        self.weights = 1 / (self.inverse[:, None] + self.inverse)
        self.own = np.einsum("tr,tr->t", self.slopes, self.turned)

    def of(self, factors: PerToken) -> Columns:
        """The step `[tokens, rank]` of these factors."""
        step = factors[:, None] * self.slopes
        return (step - step.mean(axis=0) - self.columns @ self._kept(factors)) * self.inverse

    def _matvec(self, x: PerToken) -> PerToken:
        around_mean = self.turned @ (self.slopes.T @ x) / len(x)
        turning = np.einsum("tr,tr->t", self.columns @ self._kept(x), self.turned)
        return x * self.own - around_mean - turning

    def _kept(self, factors: PerToken) -> Float64[np.ndarray, "rank rank"]:
        products = self.columns.T @ (factors[:, None] * self.turned)
        return (products + products.T) * self.weights

    def nearly_inverse(self) -> sparse.dia_array:
        """The inverse of the diagonal, without what the mean does."""
        both = self.columns * self.turned
        squares = np.einsum("tr,tr->t", self.columns**2 @ self.weights, self.turned**2)
        alone = self.own - squares - np.einsum("tr,tr->t", both @ self.weights, both)
        least = self.own / 1000 + 1e-12 * self.own.mean()  # rows of 0 have none of their own
        return sparse.diags_array(1 / np.maximum(alone, least))
