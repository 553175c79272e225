"""How many neighbours the estimators of a cloud need."""

from typing import TypedDict

from lm_geometry.dimension.twonn import Cdf, Fit
from lm_geometry.estimate.params import Estimate
from lm_geometry.outs.embed.exclusion import NONE

FEWEST = 3  # points of the smallest cloud that has a dimension, neighbours of a neighbourhood
FOR_GROUPS = 1.36  # lists that are so much longer hold out when one of ten groups is left out
FOR_READINGS = 1.3  # … and when tokens of one's own document are
# Members of a neighbourhood of L are far down each other's lists, most of all in last layers: so
# many times L hold most, and longer lists cost more than measuring the rest.
FOR_MEMBERS = 1.6
LISTS = 28  # bytes of a neighbour while a graph is made: `neighbours.neighbour_graph`
COPIES = 11  # float32 copies of a cloud at that time, itself among them


class TwonnRule(TypedDict):
    """The options of TwoNN that the section has."""

    cdf: Cdf
    fit: Fit
    discard: float


def twonn_rule(settings: Estimate) -> TwonnRule:
    """How TwoNN is fitted, of the section."""
    return {"cdf": settings.cdf, "fit": settings.fit, "discard": settings.discard}


def size_of(asked: float, points: int) -> int:
    """The neighbourhood size L that `asked` means in a cloud: below 1 it is a fraction of it."""
    return round(asked * points) if asked < 1 else int(asked)


def sizes_of(settings: Estimate, points: int) -> dict[float, int]:
    """The neighbourhood sizes of a cloud by what was asked for."""
    return {float(asked): size_of(asked, points) for asked in settings.n_neighbors}


def longest(settings: Estimate, points: int) -> int:
    """The highest rank that an estimator of the cloud needs."""
    return max([*sizes_of(settings, points).values(), settings.gride_range, 2])


def length_of_lists(settings: Estimate, points: int, groups: int) -> tuple[int, int]:
    """Neighbours in the lists of a reading, and in those of the graph that readings are made of.

    Longer than `longest`, since some of them do not count; what is missing yet is measured.
    """
    of_reading = longest(settings, points)
    if groups:
        largest = max(sizes_of(settings, points).values())
        of_reading = max(round(of_reading * FOR_GROUPS), round(FOR_MEMBERS * largest))
    of_graph = round(of_reading * (FOR_READINGS if settings.exclude != [NONE] else 1))
    return min(of_reading, points - 1), min(of_graph, points - 1)


def memory_of(points: int, width: int, neighbours: int) -> int:
    """Bytes that a cloud of float32 takes while it is estimated, lists of `neighbours` included."""
    return points * (4 * COPIES * width + LISTS * neighbours)
