"""The two nearest neighbours of a token inside a neighbourhood, without any new distances."""

import numpy as np

from lm_geometry.neighbours.distances import alike, squares_to
from lm_geometry.point_cloud.loops import compiled


@compiled
def two_nearest_of(member, others, X, labels):
    """Distances from `member` to its two nearest among `others`, measured as the graph's are.

    Others alike in `labels` `[tokens, kinds]` do not count; where fewer than two are left, what is
    missing is infinite.
    """
    squares = np.empty(others.size)
    squares_to(X, member, others, squares)
    nearest, second = np.inf, np.inf
    for place in range(others.size):
        if others[place] == member or alike(labels, member, others[place]):
            continue
        square = squares[place]
        if square < nearest:
            nearest, second = square, nearest
        elif square < second:
            second = square
    return np.sqrt(nearest), np.sqrt(second)


@compiled
def two_nearest_inside(neighbourhoods, indices, distances, X, labels, first, last, ratios):
    """Fills `ratios` with r₂/r₁ of the members of neighbourhoods `first` to `last`.

    `neighbourhoods` `[tokens, members]` holds the members of each token's neighbourhood. The
    members are stamped with the token's number; going along the sorted list of a member (`indices`,
    `distances`, the graph), the first two stamped tokens are its nearest inside the neighbourhood.
    The few members whose list ends before the second one is met are measured. The lists hold no
    tokens alike in `labels`, and neither counts then among those that are measured.
    """
    stamps = np.full(indices.shape[0], -1, np.int32)
    for token in range(first, last):
        members = neighbourhoods[token]  # [members]
        for member in members:
            stamps[member] = token
        for place in range(members.size):
            member = members[place]
            nearest, second = -1.0, -1.0
            for rank in range(indices.shape[1]):
                if stamps[indices[member, rank]] == token:
                    if nearest < 0:
                        nearest = distances[member, rank]
                    else:
                        second = distances[member, rank]
                        break
            if second < 0:
                nearest, second = two_nearest_of(member, members, X, labels)
            ratios[token - first, place] = second / nearest
