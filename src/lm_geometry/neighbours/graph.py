"""The nearest neighbours of every token of a cloud, as every estimator takes them."""

from dataclasses import dataclass, replace

import numpy as np

from lm_geometry.neighbours.counts import whole
from lm_geometry.point_cloud.shapes import Float64, Int32


@dataclass(frozen=True)
class NeighbourGraph:
    """The nearest other tokens of every token: nearest first, ties by index, itself excluded."""

    indices: Int32[np.ndarray, "tokens n_neighbors"]
    distances: Float64[np.ndarray, "tokens n_neighbors"]  # Euclidean
    backend: str
    recall: float = 1.0  # share of the true neighbours, measured where the search is not exact
    labels: Int32[np.ndarray, "tokens kinds"] | None = None  # pairs alike in one do not count

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
