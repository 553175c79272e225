"""The exact nearest neighbours of every token of a cloud, found once for all estimators."""

import sys
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours import identical
from lm_geometry.neighbours.cloud import as_cloud
from lm_geometry.neighbours.loops import over_rows
from lm_geometry.neighbours.search import search

Backend = Literal["auto", "own", "torch", "faiss"]
LARGE = 20_000  # tokens from which on a GPU is worth the way there


@dataclass(frozen=True)
class NeighbourGraph:
    """The nearest other tokens of every token: nearest first, ties by index, itself excluded."""

    indices: NDArray[np.int32]  # [tokens, n_neighbors]
    distances: NDArray[np.float64]  # [tokens, n_neighbors], Euclidean
    backend: str

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
        if not 1 <= n_neighbors <= self.n_neighbors:
            raise ValueError(
                f"n_neighbors is {n_neighbors}, but the graph has {self.n_neighbors} per token"
            )
        return NeighbourGraph(
            self.indices[:, :n_neighbors], self.distances[:, :n_neighbors], self.backend
        )


def neighbour_graph(X: Any, n_neighbors: int, backend: Backend = "auto") -> NeighbourGraph:
    """The `n_neighbors` nearest neighbours of every token of the point cloud X `[tokens, width]`.

    Exact for every backend, to the last bit of float64: candidates are found in float32 on the
    centred cloud, their distances measured again in float64 by differences of coordinates, and a
    bound on the rounding errors proves, token by token, that no other token can be nearer; tokens
    without that proof are searched again in float64. Copies of a row are neighbours at distance 0.

    X is numpy, a memmap or torch, float16 to float64. `backend` is "own" (blocked products on the
    CPU), "torch" (CUDA where there is one), "faiss", or "auto": torch for a CUDA tensor and for
    large clouds beside a GPU that torch already uses, own otherwise.
    Raises ValueError for NaN or infinite values (the rows are named), for fewer than 3 tokens, and
    unless 1 <= n_neighbors < tokens.
    """
    if backend not in ("auto", "own", "torch", "faiss"):
        raise ValueError(f"backend is {backend!r}; it must be auto, own, torch or faiss")
    chosen = _choose(X) if backend == "auto" else backend
    points = as_cloud(X)
    if not 1 <= n_neighbors < len(points):
        raise ValueError(
            f"n_neighbors is {n_neighbors}, but X has {len(points)} tokens: "
            f"it must be from 1 to {len(points) - 1}"
        )
    first = identical.first_equal(points)
    distinct = np.flatnonzero(first == np.arange(len(points)))
    if len(distinct) == len(points):
        return NeighbourGraph(*search(points, int(n_neighbors), chosen), chosen)
    return _with_copies(points, first, distinct, int(n_neighbors), chosen)


def _choose(X: Any) -> str:
    if getattr(getattr(X, "device", None), "type", "cpu") == "cuda":
        return "torch"
    if len(X) < LARGE or "torch" not in sys.modules:
        return "own"
    from lm_geometry.neighbours.with_torch import has_cuda

    return "torch" if has_cuda() else "own"


def _with_copies(
    points: NDArray[Any],
    first: NDArray[np.int64],
    distinct: NDArray[np.int64],
    n_neighbors: int,
    backend: str,
) -> NeighbourGraph:
    """The graph of a cloud in which only the rows `distinct` are not copies of earlier ones."""
    group = np.searchsorted(distinct, first)
    members = np.argsort(group, kind="stable")
    offsets = np.searchsorted(group[members], np.arange(len(distinct) + 1))
    fewer = min(n_neighbors, len(distinct) - 1)
    near, lengths = np.empty((len(distinct), 0), np.int32), np.empty((len(distinct), 0))
    if fewer:
        near, lengths = search(points[distinct], fewer, backend)
    indices = np.empty((len(points), n_neighbors), np.int32)
    distances = np.empty((len(points), n_neighbors))

    def expand(a: int, b: int) -> None:
        identical.expand(near, lengths, members, offsets, group, a, b, indices, distances)

    over_rows(expand, len(points))
    return NeighbourGraph(indices, distances, backend)
