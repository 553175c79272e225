"""The exact nearest neighbours of every token of a cloud, found once for all estimators."""

import sys
import warnings
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours import search as exact
from lm_geometry.neighbours.counts import whole
from lm_geometry.neighbours.filtered import excluding
from lm_geometry.neighbours.graph import NeighbourGraph
from lm_geometry.neighbours.labels import as_labels, others
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.identical import as_grouped_cloud
from lm_geometry.point_cloud.lists import Lists, empty_lists, with_copies
from lm_geometry.point_cloud.magnitude import brought_back, magnified
from lm_geometry.point_cloud.shapes import Float, Int64

Backend = Literal["auto", "own", "torch", "torch-int8", "faiss"]
Search = Literal["exact", "int8", "approximate"]
ONLY = {"int8": "own", "approximate": "faiss"}  # the one backend of a search that is not exact
LARGE = 20_000  # tokens from which on a GPU is worth the way there
FEWEST_MORE = 64  # neighbours beyond those asked for, in whose place some may not count


def neighbour_graph(
    X: PointCloud,
    n_neighbors: int,
    backend: Backend = "auto",
    search: Search = "exact",
    *,
    exclude: ArrayLike | None = None,
    audit: int = 100,
    seed: int = 0,
) -> NeighbourGraph:
    """The `n_neighbors` nearest neighbours of every token of the point cloud X `[tokens, width]`.

    The search is exact for every backend, to the last bit of float64 on the CPU: candidates are
    found in float32 (or, beside a matrix unit, in fixed point of 16 bits) on the centred cloud,
    their distances measured again in float64 by differences of coordinates, and a bound on the
    rounding errors proves, token by token, that no other token can be nearer; tokens without that
    proof are searched again in float64. Copies of a row are neighbours at distance 0. Two other
    searches are there for those who ask for them, with distances as exact, but neighbours that may
    be missed; `recall` of the graph says how many were found, of all neighbours of `audit` tokens
    drawn by `seed`:

    - "int8": candidates from products of 8-bit integers, twice as many or more. Nearly always all
      are found; a RuntimeWarning says where not.
    - "approximate": faiss's NN-descent, for more than 200,000 tokens, below which exact search is
      the faster one. Of one seed and one thread the same graph each time.

    X is numpy, a memmap or torch, float16 to float64. `backend` is "own" (blocked products on the
    CPU), "torch" (CUDA where there is one), "torch-int8" (there with three products of 8-bit
    integers, of which tensor cores are fast, in place of one of float32), "faiss", or "auto": torch
    for a CUDA tensor and for large clouds beside a GPU that torch already uses, own otherwise;
    "int8" is own, "approximate" is faiss. No table of N x N is ever made: beyond X, N tokens of
    width D with k neighbours take some N (7 D + 28 k) bytes (twice k for "int8", and what faiss
    takes for "approximate"), a GPU 4 N D bytes and 3 GB ("torch-int8": 7 N D and 4 GB). Clouds of
    20,000 tokens and more show a progress bar on a terminal.
    With `exclude`, labels `[tokens]` or `[tokens, kinds]`, tokens of one label are no neighbours of
    each other: see `excluding`, whose errors come too.
    Raises ValueError for NaN or infinite values (the rows are named), for fewer than 3 tokens, for
    distances so small that float64 holds few of their digits (below 5e-318), and unless
    1 <= n_neighbors < tokens.
    """
    chosen = _choose(X, backend, search)
    if exclude is not None:
        longer = _with_those_alike(n_neighbors, exclude, len(X))
        graph = neighbour_graph(X, longer, backend, search, audit=audit, seed=seed)
        return excluding(graph, exclude, n_neighbors, X)
    if whole(audit, "audit") < 1:
        raise ValueError(f"audit is {audit}; at least one token must be searched exactly")
    points, first = as_grouped_cloud(X)
    if not 1 <= whole(n_neighbors, "n_neighbors") < len(points):
        raise ValueError(
            f"n_neighbors is {n_neighbors}, but X has {len(points)} tokens: "
            f"it must be from 1 to {len(points) - 1}"
        )
    points, power = magnified(points)
    found = _Searched(chosen, search, int(audit), seed)
    lists = found.with_copies(points, first, int(n_neighbors))
    if search == "int8" and found.recall < 1:
        warnings.warn(_missed(found.recall, audit), RuntimeWarning, stacklevel=2)
    distances = brought_back(lists.distances, power)
    return NeighbourGraph(lists.indices, distances, chosen, found.recall)


def _with_those_alike(n_neighbors: int, exclude: ArrayLike, tokens: int) -> int:
    """Neighbours among which nearly every token has `n_neighbors` that are not alike."""
    room = int(others(as_labels(exclude, tokens)).min(initial=tokens - 1))
    more = min(tokens - 1 - room, max(whole(n_neighbors, "n_neighbors"), FEWEST_MORE))
    return min(n_neighbors + more, max(tokens - 1, n_neighbors))


def _missed(recall: float, audit: int) -> str:
    return (
        f"the search in int8 found {recall:.5f} of the neighbours of {audit} audited tokens; "
        "search='exact' finds all"
    )


@dataclass
class _Searched:
    """A way to search, and the recall that it turned out to have."""

    backend: str
    search: Search
    audit: int
    seed: int
    recall: float = 1.0

    def with_copies(
        self, points: Float[np.ndarray, "tokens width"], first: Int64[np.ndarray, "tokens"], k: int
    ) -> Lists:
        """The lists of all rows, of which `first` names the first row that equals each."""
        distinct = np.flatnonzero(first == np.arange(len(points)))
        if len(distinct) == len(points):
            return self.lists(points, k)
        fewer = min(k, len(distinct) - 1)
        near = self.lists(points[distinct], fewer) if fewer else empty_lists(len(distinct), 0)
        return with_copies(near, first, k)

    def lists(self, points: Float[np.ndarray, "tokens width"], k: int) -> Lists:
        if self.search == "exact":
            return exact.search(points, k, self.backend)
        from lm_geometry.neighbours import inexact

        if self.search == "int8":
            lists = inexact.by_int8(points, k)
        else:
            lists = inexact.by_descent(points, k, self.seed)
        self.recall = inexact.measured_recall(points, lists, self.audit, self.seed)
        return lists


def _choose(X: PointCloud, backend: str, search: str) -> str:
    if not hasattr(X, "__len__"):
        raise ValueError(f"X is a {type(X).__name__}; a point cloud [tokens, width] is needed")
    if backend not in get_args(Backend):
        raise ValueError(f"backend is {backend!r}; it must be {', '.join(get_args(Backend))}")
    if search not in ("exact", *ONLY):
        raise ValueError(f"search is {search!r}; it must be exact, int8 or approximate")
    if search in ONLY:
        if backend not in ("auto", ONLY[search]):
            raise ValueError(
                f"backend is {backend!r}, but search={search!r} needs {ONLY[search]} or auto"
            )
        return ONLY[search]
    if backend != "auto":
        return backend
    if getattr(getattr(X, "device", None), "type", "cpu") == "cuda":
        return "torch"
    if len(X) < LARGE or "torch" not in sys.modules:
        return "own"
    from lm_geometry.neighbours.with_torch import has_cuda

    return "torch" if has_cuda() else "own"
