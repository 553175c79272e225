"""A cloud of queries, whose neighbours were searched among all that was embedded, as a reading."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lm_geometry.dimension import lpca, mle
from lm_geometry.dimension.of_neighbourhoods import local_of_neighbourhoods
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.reading import Deletions, Estimates, Reading
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.sizes import FEWEST, longest, twonn_rule
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.outs.embed.queries import read_query_index, read_query_lists, read_query_rows
from lm_geometry.outs.estimate.clouds import folder_name
from lm_geometry.outs.token_sample.clouds import Cloud, Points
from lm_geometry.point_cloud.shapes import Bool, Float32, Int32, Int64

NOBODY = -1  # numbers a neighbour that is not there, or whose states are not


@dataclass(frozen=True)
class Neighbours:
    """The tokens that are near queries: their states, what they have in common, their groups."""

    vectors: Float32[np.ndarray, "tokens width"]
    labels: Int32[np.ndarray, "tokens kinds"]
    group: Int64[np.ndarray, "tokens"]


@dataclass(frozen=True)
class QueryReading(Reading):
    """Queries under one rule of which neighbours count.

    X are their states; `graph` has a list for each, whose indices are rows of `neighbours` where
    states of these are there, −1 else.
    """

    neighbours: Neighbours
    of_numbers: Int64[np.ndarray, "points k"]  # groups of those in the lists

    def deletions(self) -> Iterator[tuple[int, Bool[np.ndarray, "points"], "QueryReading"]]:
        """As `Reading.deletions`: each list goes on to the tokens of other groups."""
        for group in range(self.groups):
            kept = self.group != group
            counts = self.of_numbers[kept] != group
            room = int(counts.sum(axis=1).min(initial=self.graph.n_neighbors))
            length = min(longest(self.settings, len(self.X)), room)
            if kept.sum() < FEWEST or length < 2:
                continue
            order = np.argsort(~counts, axis=1, kind="stable")[:, :length]
            indices, distances, of_numbers = (
                np.ascontiguousarray(np.take_along_axis(array[kept], order, axis=1))
                for array in (self.graph.indices, self.graph.distances, self.of_numbers)
            )
            graph = replace(self.graph, indices=indices, distances=distances)
            own = {"X": self.X[kept], "group": self.group[kept], "of_numbers": of_numbers}
            yield group, kept, replace(self, graph=graph, groups=0, **own)

    def local_values(self, name: str, size: int) -> tuple[Estimates, Deletions | None]:
        """As `Reading.local_values`, to the last bit what a graph of all tokens would give."""
        settings, near, own = self.settings, self.graph.indices, self.neighbours
        if name == "mle":
            return mle.local_from_graph(self.graph, size), None
        if name == "twonn":
            rule, groups = twonn_rule(settings), (own.group, self.group)
            shared = {"labels": own.labels, "groups": groups, "number": self.groups}
            found = local_of_neighbourhoods(own.vectors, near, size, **rule, **shared)
            return found.values, found.without if self.groups else None
        chosen, tokens = settings.lpca, len(self.X)
        if chosen.tokens != "all":
            tokens = min(tokens, chosen.tokens)
        given = own.vectors, near[:tokens, :size], chosen.rule
        return lpca.of_neighbourhoods(*given, **chosen.constants), None


def readings_of_queries(
    cloud: Cloud,
    X: Points,
    rows: Int64[np.ndarray, "points"],
    readings: Readings,
    settings: Estimate,
) -> Iterator[QueryReading]:
    """The readings of the section, of queries X `[points, width]` that are `rows` of the table.

    Raises ValueError where a query has fewer neighbours than an estimate needs, all of them or
    without a group of the jackknife.
    """
    index = read_query_index()
    assert index is not None  # `reference.disagreements` saw to it
    lists = read_query_lists(cloud.checkpoint, cloud.split, cloud.layer)
    drawn = read_query_rows(cloud.split)
    order = np.argsort(drawn)
    places = order[np.searchsorted(drawn, rows, sorter=order)]
    vectors, group = np.asarray(lists.vectors), readings.group_of(np.asarray(lists.tokens))
    reference = index.references.index(float(settings.reference))
    for name in settings.exclude:
        which = reference, index.exclude.index(name)
        numbers, distances = (array[which][places] for array in (lists.numbers, lists.distances))
        room = int((numbers != NOBODY).sum(axis=1).min())  # that every query has
        _refuse_short(cloud, name, room, settings)
        numbers, distances = numbers[:, :room], distances[:, :room]
        near = np.searchsorted(lists.tokens, numbers[:, : index.vectors])
        rest = np.full((len(rows), max(room - index.vectors, 0)), NOBODY)
        reading = QueryReading(
            name,
            X,
            NeighbourGraph(np.hstack([near, rest]).astype(np.int32), distances, "own"),
            readings.group_of(rows),
            readings.groups,
            settings,
            Neighbours(vectors, readings.labels(name, np.asarray(lists.tokens)), group),
            readings.group_of(numbers.ravel()).reshape(numbers.shape),
        )
        _refuse_gaps(cloud, reading, index.vectors)
        yield reading


def _refuse_short(cloud: Cloud, name: str, room: int, settings: Estimate) -> None:
    size = max(map(int, settings.n_neighbors))
    if room < size:
        raise ValueError(
            f"estimate.exclude: {name} leaves a query of {folder_name(cloud)} {room} neighbours in "
            f"the reference, but estimate.n_neighbors asks for {size}: embed more tokens, or ask "
            "for fewer neighbours"
        )


def _refuse_gaps(cloud: Cloud, reading: QueryReading, vectors: int) -> None:
    size = max(map(int, reading.settings.n_neighbors))
    for group in range(reading.groups):
        left = (reading.of_numbers[:, :vectors] != group).sum(axis=1)[reading.group != group]
        if len(left) and left.min() < size:
            raise ValueError(
                f"estimate.jackknife.groups: without group {group} a query of {folder_name(cloud)} "
                f"keeps {left.min()} of {vectors} neighbours whose states are there, but "
                f"estimate.n_neighbors asks for {size}: raise embed.queries.vectors, or have no "
                "groups (0)"
            )
