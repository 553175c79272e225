"""States of one layer as they come by: compared with the queries, and dropped."""

import numpy as np

from lm_geometry.embed.params import QueryTokens
from lm_geometry.embed.queries.drawn import Queries
from lm_geometry.neighbours.of_queries.lists import Nearest
from lm_geometry.neighbours.of_queries.search import QueryNeighbours
from lm_geometry.point_cloud.shapes import Float32, Float64, Int64, Shaped

HELD = 4096  # tokens that are compared at once


Fresh = tuple[Int64[np.ndarray, "fresh"], Float32[np.ndarray, "fresh width"]]  # rows and states
State = dict[str, Shaped[np.ndarray, "readings queries k"]]


class Taken:
    """An array that keeps the queries' rows of all that is written to it, and nothing else."""

    def __init__(self, queries: Queries, width: int) -> None:
        self.vectors = np.empty((len(queries.rows), width), np.float32)
        self._place = np.full(len(queries.counted), -1)
        self._place[queries.rows] = np.arange(len(queries.rows))

    def __setitem__(
        self, rows: Int64[np.ndarray, "rows"], vectors: Float32[np.ndarray, "rows width"]
    ) -> None:
        places = self._place[rows]
        self.vectors[places[places >= 0]] = vectors[places >= 0]


class Compared:
    """An array whose rows are compared with the queries when they are written to it.

    `fresh` are rows and states that came among the nearest since they were last taken.
    """

    def __init__(
        self, queries: Queries, vectors: Float32[np.ndarray, "queries width"], settings: QueryTokens
    ) -> None:
        self.queries, self.references = queries, settings.references
        own = vectors, queries.rows, settings.neighbours, queries.labels[queries.rows]
        self.searches = [
            QueryNeighbours(*own, queries.readings, near=settings.vectors)
            for _ in settings.references
        ]
        self.fresh: list[tuple[np.ndarray, np.ndarray]] = []
        self._held: list[tuple[np.ndarray, np.ndarray]] = []

    def __setitem__(
        self, rows: Int64[np.ndarray, "rows"], vectors: Float32[np.ndarray, "rows width"]
    ) -> None:
        kept = self.queries.counted[rows]
        self._held.append((rows[kept], np.asarray(vectors[kept], np.float32)))
        if sum(len(own) for own, _ in self._held) >= HELD:
            self.compare()

    def compare(self) -> None:
        """Compare what is held yet."""
        if not self._held:
            return
        rows, vectors = (np.concatenate(parts) for parts in zip(*self._held, strict=True))
        self._held.clear()
        entered = np.zeros(len(rows), np.bool_)
        for share, search in zip(self.references, self.searches, strict=True):
            own = np.flatnonzero(self.queries.within(share, rows))
            block = vectors[own], rows[own], self.queries.labels[rows[own]]
            entered[own] |= search.add(*block)
        self.fresh.append((rows[entered], vectors[entered]))

    def needed(self) -> Int64[np.ndarray, "needed"]:
        """Rows of the tokens whose states are kept, ascending."""
        return np.unique(np.concatenate([search.needed() for search in self.searches]))

    def take_fresh(self) -> Fresh:
        """Rows, ascending, and states of what is fresh and still needed."""
        width = self.searches[0].queries.shape[1]
        none = np.empty(0, np.int64), np.empty((0, width), np.float32)
        rows, vectors = (np.concatenate(parts) for parts in zip(none, *self.fresh, strict=True))
        self.fresh.clear()
        kept = np.flatnonzero(np.isin(rows, self.needed()))
        kept = kept[np.argsort(rows[kept])]
        return rows[kept], vectors[kept]

    def lists(self) -> tuple[Int64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
        """Numbers and distances, each `[references, readings, queries, neighbours]`."""
        nearest = [search.nearest for search in self.searches]
        return (
            np.stack([own.numbers for own in nearest]),
            np.sqrt(np.stack([own.squares for own in nearest])),
        )

    def state(self) -> State:
        """All that was found, by name."""
        return {
            f"{name}-{place}": array
            for place, search in enumerate(self.searches)
            for name, array in search.nearest._asdict().items()
        }

    def put(self, state: State) -> None:
        """Take over what was found by another, or before."""
        for place, search in enumerate(self.searches):
            search.put(Nearest(*(state[f"{name}-{place}"] for name in Nearest._fields)))
