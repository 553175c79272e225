"""Sorted lists of the nearest distinct tokens, the same whatever the order in which they come.

An entry is a squared distance and the number of a token. Of copies, tokens of one vector, the one
of the lowest number stands in a list, whichever came first. So what a list holds in the end is a
function of the set of tokens alone: a list of the union of two sets is that of both lists together.
"""

from typing import NamedTuple

import numpy as np

from lm_geometry.point_cloud.loops import compiled
from lm_geometry.point_cloud.shapes import Float64, Int64, UInt64

NOBODY = -1  # at places that no token has, at an infinite distance


class Nearest(NamedTuple):
    """The nearest tokens of every query by each reading: nearest first, ties by number.

    Copies are known by their squared distance to the query, which is the same to the last bit, and
    by the 64-bit hash of their values together.
    """

    squares: Float64[np.ndarray, "readings queries k"]
    numbers: Int64[np.ndarray, "readings queries k"]
    hashes: UInt64[np.ndarray, "readings queries k"]


def nobody(readings: int, queries: int, k: int) -> Nearest:
    """Lists without any token."""
    shape = readings, queries, k
    return Nearest(np.full(shape, np.inf), np.full(shape, NOBODY), np.zeros(shape, np.uint64))


@compiled
def _place(squares, numbers, square, number):
    """How many entries come before one: of sorted squares, ties by number."""
    low, high = 0, squares.size
    while low < high:
        middle = (low + high) // 2
        if squares[middle] < square or (squares[middle] == square and numbers[middle] < number):
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _copy_of(squares, hashes, square, value, place):
    """The place of an entry of the same vector as one that belongs at `place`; −1: there is none.

    Entries of the same square stand together around that place.
    """
    at = place - 1
    while at >= 0 and squares[at] == square:
        if hashes[at] == value:
            return at
        at -= 1
    at = place
    while at < squares.size and squares[at] == square:
        if hashes[at] == value:
            return at
        at += 1
    return -1


@compiled
def insert(squares, numbers, hashes, square, number, value):
    """Puts a token into one list `[k]`; returns its place, or `k` where it does not belong there.

    `square` is finite. A copy of lower number takes the place of the one that is there.
    """
    place = _place(squares, numbers, square, number)
    copy = _copy_of(squares, hashes, square, value, place)
    if copy >= 0 and copy < place:
        return squares.size  # the lower number is there already
    if place == squares.size:
        return place
    last = squares.size - 1 if copy < 0 else copy  # whose room is taken
    if numbers[place] == number and copy == place:
        return place  # the token itself came before
    for at in range(last, place, -1):
        squares[at], numbers[at], hashes[at] = squares[at - 1], numbers[at - 1], hashes[at - 1]
    squares[place], numbers[place], hashes[place] = square, number, value
    return place


@compiled
def merge_lists(into, other, first, last):
    """Puts all of `other` into the lists of the queries from `first` to `last`."""
    for reading in range(into.squares.shape[0]):
        for query in range(first, last):
            squares, numbers = into.squares[reading, query], into.numbers[reading, query]
            hashes = into.hashes[reading, query]
            for at in range(other.squares.shape[2]):
                square = other.squares[reading, query, at]
                if square == np.inf:
                    break
                number = other.numbers[reading, query, at]
                insert(squares, numbers, hashes, square, number, other.hashes[reading, query, at])
