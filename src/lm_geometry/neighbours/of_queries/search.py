"""Exact nearest tokens of queries in a cloud of any size, which no memory has to hold."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lm_geometry.neighbours.of_queries.lists import NOBODY, Nearest, merge_lists, nobody
from lm_geometry.neighbours.of_queries.offering import offer
from lm_geometry.point_cloud.cloud import centre_and_scale, centred, refuse_rows
from lm_geometry.point_cloud.identical import row_hashes
from lm_geometry.point_cloud.loops import over_rows
from lm_geometry.point_cloud.rounding import ceiling
from lm_geometry.point_cloud.shapes import Bool, Float, Float32, Float64, Int32, Int64

FEWEST, MOST = 256, 2048  # tokens of a block: the first ones are all measured
TOGETHER = 128  # queries of one product


class Found(NamedTuple):
    """The nearest tokens of every query: numbers and distances, −1 and infinite where none is."""

    numbers: Int64[np.ndarray, "queries k"]
    distances: Float64[np.ndarray, "queries k"]


class QueryNeighbours:
    """The k nearest tokens of every query among all tokens that were added, exact.

    A token counts for a query unless it is the query (by number), equal to it in every coordinate,
    or alike in a label that the reading keeps apart. Of the tokens that count, those of one vector
    count once, as the one of the lowest number: exact deduplication that keeps the first, made
    among the tokens that count. Nearest first, ties by number. All of this is a function of the set
    of tokens: blocks may come in any size and order, twice as well, and `merge` joins what was
    found among some tokens with what was found among others; the bytes of `result` are the same.

    A token is left out by its inner product in float32 only where the bound on its rounding error
    proves that it is farther than all that a query has; the others are measured in float64 by
    differences of coordinates, as `neighbour_graph` measures. Memory: queries · (width + readings ·
    k) and a block; time: a product of queries · tokens · width.
    """

    def __init__(
        self,
        queries: Float[np.ndarray, "queries width"],
        numbers: Int64[np.ndarray, "queries"],
        n_neighbors: int,
        labels: Int32[np.ndarray, "queries kinds"] | None = None,
        readings: Sequence[Sequence[int]] = ((),),
        near: int | None = None,
    ) -> None:
        """No token was added yet.

        `numbers` name the queries among all tokens; of `labels`, each of `readings` names the
        columns that keep pairs apart. `add` tells which tokens come to the `near` nearest of a
        query (all k by default). Raises ValueError for vectors that are not float32 or not finite.
        """
        if n_neighbors < 1 or not len(queries):
            raise ValueError(f"{len(queries)} queries have {n_neighbors} neighbours: at least 1")
        _refuse(queries)
        kinds = 0 if labels is None else labels.shape[1]
        self.queries = np.ascontiguousarray(queries)
        self.numbers = np.asarray(numbers, np.int64)
        self.labels = np.zeros((len(queries), 0), np.int32) if labels is None else labels
        self.readings = np.array([[k in own for k in range(kinds)] for own in readings], np.bool_)
        self.readings = self.readings.reshape(len(readings), kinds)
        self.near = n_neighbors if near is None else near
        self.nearest = nobody(len(readings), len(queries), n_neighbors)
        self.added = 0
        self._centre, _ = centre_and_scale(self.queries)
        self._cloud = centred(self.queries)

    def add(
        self,
        vectors: Float[np.ndarray, "tokens width"],
        numbers: Int64[np.ndarray, "tokens"],
        labels: Int32[np.ndarray, "tokens kinds"] | None = None,
    ) -> Bool[np.ndarray, "tokens"]:
        """Compare tokens with every query; which of them came to the `near` nearest of one.

        Some of these may have left them again. Raises ValueError for vectors that are not float32
        or not finite, and where the labels have other kinds than those of the queries.
        """
        _refuse(vectors)
        vectors, numbers = np.ascontiguousarray(vectors), np.asarray(numbers, np.int64)
        own = np.zeros((len(vectors), 0), np.int32) if labels is None else labels
        if own.shape != (len(vectors), self.labels.shape[1]) or len(numbers) != len(vectors):
            raise ValueError(
                f"{len(vectors)} tokens have {len(numbers)} numbers and labels of shape "
                f"{own.shape}; the queries have {self.labels.shape[1]} kinds"
            )
        entered = np.zeros(len(vectors), np.bool_)
        hashes = row_hashes(vectors)[0] if len(vectors) else np.zeros(0, np.uint64)
        first = 0
        while first < len(vectors):
            last = min(first + min(MOST, max(FEWEST, self.added)), len(vectors))
            part = slice(first, last)
            block = vectors[part], numbers[part], own[part], hashes[part]
            self._offer(block, entered[part])
            self.added += last - first
            first = last
        return entered

    def _offer(self, block: tuple[np.ndarray, ...], entered: Bool[np.ndarray, "tokens"]) -> None:
        shifted = (block[0] - self._centre) * self._cloud.scale
        points = shifted.astype(np.float32)
        with np.errstate(over="ignore"):  # such scores are no numbers, and prove nothing
            halves = (np.einsum("td,td->t", shifted, shifted) / 2).astype(np.float32)
        limits = self._limits()
        queries = self.queries, self.numbers, self.labels
        rules = self.readings, self.near, self.nearest, entered

        def work(first: int, last: int) -> None:
            for a in range(first, last, TOGETHER):
                with np.errstate(over="ignore", invalid="ignore"):
                    products = self._cloud.points[a : min(a + TOGETHER, last)] @ points.T
                readings, near, nearest, marks = rules
                offer(products, halves, limits, queries, block, readings, a, near, nearest, marks)

        over_rows(work, len(self.queries), at_least=TOGETHER)

    def _limits(self) -> Float32[np.ndarray, "queries"]:
        """Scores that prove a token to be beyond the lists; NaN, which no score reaches: none."""
        farthest = np.sqrt(self.nearest.squares[:, :, -1].max(axis=0))
        full, length = np.isfinite(farthest), self._cloud.lengths
        highest = ceiling(self._cloud, length[full], farthest[full])
        limits = np.full(len(length), np.nan, np.float32)
        limits[full] = np.nextafter(((highest - length[full] ** 2) / 2).astype(np.float32), np.inf)
        return limits

    def merge(self, other: "QueryNeighbours") -> None:
        """Take over what `other` found for the same queries among other tokens.

        Raises ValueError where it has other queries, labels, readings or numbers of neighbours.
        """
        alike = ("queries", "numbers", "labels", "readings")
        if self.nearest.squares.shape != other.nearest.squares.shape or not all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in alike
        ):
            raise ValueError("lists of other queries, labels, readings or lengths are not merged")
        self.put(other.nearest)
        self.added += other.added

    def put(self, nearest: Nearest) -> None:
        """Take over lists of the same queries, such as those of an earlier run."""
        over_rows(lambda a, b: merge_lists(self.nearest, nearest, a, b), len(self.queries))

    def result(self, reading: int = 0) -> Found:
        """The nearest tokens of every query by one reading, `[queries, k]`."""
        squares, numbers, _ = self.nearest
        return Found(numbers[reading].copy(), np.sqrt(squares[reading]))

    def needed(self) -> Int64[np.ndarray, "needed"]:
        """The numbers of all tokens that are among the `near` nearest of a query, ascending."""
        found = np.unique(self.nearest.numbers[:, :, : self.near])
        return found[found != NOBODY]


def _refuse(vectors: Float[np.ndarray, "tokens width"]) -> None:
    if vectors.dtype != np.float32 or vectors.ndim != 2:
        raise ValueError(f"vectors are {vectors.dtype} {vectors.shape}: float32 [tokens, width]")
    refuse_rows(vectors, vectors, np.flatnonzero(~np.isfinite(vectors).all(axis=1)))
