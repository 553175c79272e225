"""The nearest neighbours of every token of a cloud, as every estimator takes them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours.counts import whole
from lm_geometry.point_cloud.shapes import Float64, Int32, PointCloud


@dataclass(frozen=True)
class NeighbourGraph:
    """The nearest other tokens of every token: nearest first, ties by index, itself excluded."""

    indices: Int32[np.ndarray, "tokens n_neighbors"]
    distances: Float64[np.ndarray, "tokens n_neighbors"]  # Euclidean
    backend: str
    recall: float = 1.0  # share of the true neighbours, measured where the search is not exact
    labels: Int32[np.ndarray, "tokens kinds"] | None = None  # pairs alike in one do not count

    @classmethod
    def from_arrays(
        cls,
        indices: ArrayLike,
        distances: ArrayLike,
        X: PointCloud | None = None,
        *,
        sample: int = 100,
        seed: int = 0,
    ) -> "NeighbourGraph":
        """The graph of neighbours that another package found, such as faiss or pynndescent.

        `indices` and `distances` `[tokens, n_neighbors]`, whole numbers and floats of any size, are
        the nearest other tokens of every token and their Euclidean distances, nearest first. They
        become int32 and float64, and `backend` is "given". With their cloud X `[tokens, width]`
        the distances of `sample` tokens, drawn by `seed`, are measured again, to a thousandth, and
        `recall` says how many of their true neighbours are there; without X it is NaN, unknown.
        Distances of single precision stay so: estimates of near copies suffer first.

        Cost: O(tokens · k log k) time; with X O(sample · tokens · width).
        Raises ValueError, with the row and the rule, for a neighbour that is no row, the token
        itself or there twice, for a distance that is not finite, negative or out of order, or not
        that of X; and for shapes and dtypes that do not fit.
        """
        from lm_geometry.neighbours import foreign

        lists = foreign.checked(indices, distances)
        recall = np.nan if X is None else foreign.recall_in(lists, X, sample, seed)
        return cls(lists.indices, lists.distances, "given", recall)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def n_neighbors(self) -> int:
        """How many neighbours every token has."""
        return self.indices.shape[1]

    def nearest(self, n_neighbors: int) -> "NeighbourGraph":
        """The graph of the `n_neighbors` nearest only (views, nothing is copied).

        Raises ValueError where this graph has fewer.
        """
        if not 1 <= whole(n_neighbors, "n_neighbors") <= self.n_neighbors:
            raise ValueError(
                f"n_neighbors is {n_neighbors}, but the graph has {self.n_neighbors} per token"
            )
        return replace(
            self,
            indices=self.indices[:, :n_neighbors],
            distances=self.distances[:, :n_neighbors],
        )
