"""One cloud under one rule of which neighbours count, and all that is read of it token by token."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lm_geometry.dimension import lpca, mle
from lm_geometry.dimension.twonn import local_from_graph
from lm_geometry.dimension.without_groups import local_without_groups
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.sizes import FEWEST, longest, twonn_rule
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.filtered import remaining
from lm_geometry.neighbours.labels import others
from lm_geometry.outs.token_sample.clouds import Points
from lm_geometry.point_cloud.shapes import Bool, Float64, Int64

Estimates = Float64[np.ndarray, "estimated"]
Deletions = Float64[np.ndarray, "groups points"]


@dataclass(frozen=True)
class Reading:
    """One cloud under one rule of which neighbours count."""

    name: str
    X: Points
    graph: NeighbourGraph
    group: Int64[np.ndarray, "points"]  # of the jackknife
    groups: int  # 0: no jackknife
    settings: Estimate

    def deletions(self) -> Iterator[tuple[int, Bool[np.ndarray, "points"], "Reading"]]:
        """(group, what is kept, the reading of that) without each group of documents in turn."""
        for group in range(self.groups):
            kept = self.group != group
            points = self.X[kept]
            if len(points) < FEWEST:
                continue
            room = len(points) - 1
            if self.graph.labels is not None:
                room = int(others(self.graph.labels[kept]).min())
            length = min(longest(self.settings, len(self.X)), room)
            if length >= 2:
                graph = remaining(self.graph, kept, length, self.X)
                left = replace(self, X=points, graph=graph, group=self.group[kept], groups=0)
                yield group, kept, left

    def local_values(self, name: str, size: int) -> tuple[Estimates, Deletions | None]:
        """Estimates of the tokens, and of them without each group; NaN where L is too large.

        lPCA estimates the first tokens, and nothing without groups.
        """
        X, graph, settings = self.X, self.graph, self.settings
        tokens = len(X)
        if name == "lpca" and settings.lpca.tokens != "all":
            tokens = min(tokens, settings.lpca.tokens)
        if not FEWEST <= size <= graph.n_neighbors:
            return np.full(tokens, np.nan), None
        if name == "twonn" and self.groups:
            return local_without_groups(graph, size, self.group, **twonn_rule(settings), X=X)
        if name == "twonn":
            return local_from_graph(graph, size, **twonn_rule(settings), X=X), None
        if name == "lpca":
            chosen, rows = settings.lpca, np.arange(tokens)
            return lpca.local(X, graph, size, rows=rows, rule=chosen.rule, **chosen.constants), None
        return mle.local_from_graph(graph, size), None
