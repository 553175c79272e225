"""Names of documents as numbers, in little room however many there are."""

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.point_cloud.shapes import Int32

if TYPE_CHECKING:
    import pyarrow as pa

KEYS = ("first of two key", "the second of 2.")  # sixteen letters each
SHARES = 64  # parts of the names that are sorted one after the other
NOTHING = -1


def document_numbers(part: Part) -> tuple[Int32[np.ndarray, "rows"], int]:
    """The document of each row, `[rows]` int32 in order of first appearance, and their number."""
    return name_numbers(part, "document")


def name_numbers(part: Part, column: str) -> tuple[Int32[np.ndarray, "rows"], int]:
    """A number for each row, alike where the names in a column are, and how many there are.

    They are in order of first appearance; NOTHING stands where the name is missing. Names are told
    apart by 128 bits of two hashes (SipHash).
    """
    return _in_order(part.known(("numbers", column), lambda whole: _numbers(whole, column)))


def _numbers(part: Part, column: str) -> Int32[np.ndarray, "rows"]:
    hashes = np.empty((2, len(part)), np.uint64)
    missing = np.zeros(len(part), bool)
    start = 0
    for table in part.tables([column]):
        names = table.column(column)
        rows = slice(start, start + len(names))
        hashes[:, rows] = _hashes(names)
        missing[rows] = names.is_null().to_numpy()
        start += len(names)
    numbers = _numbered(*hashes)
    numbers[missing] = NOTHING
    return numbers


def _hashes(names: "pa.ChunkedArray") -> np.ndarray:
    from pyarrow import string

    util = import_module("pandas.util")  # whose functions come when they are asked for
    own = names.cast(string()).fill_null("").to_numpy()
    return np.stack([util.hash_array(own, hash_key=key, categorize=False) for key in KEYS])


def _numbered(first: np.ndarray, second: np.ndarray) -> Int32[np.ndarray, "rows"]:
    """A number for each pair of hashes, in no order."""
    numbers = np.empty(len(first), np.int32)
    share = (first % SHARES).astype(np.uint8)
    count = 0
    for part in range(SHARES):
        rows = np.flatnonzero(share == part)
        a, b = first[rows], second[rows]
        order = np.lexsort((b, a))
        a, b = a[order], b[order]
        differs = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        own = np.concatenate([[0], np.cumsum(differs)]) if len(rows) else np.empty(0, int)
        numbers[rows[order]] = count + own
        count += int(own[-1]) + 1 if len(rows) else 0
    return numbers


def _in_order(numbers: np.ndarray) -> tuple[Int32[np.ndarray, "rows"], int]:
    """The numbers anew, in order of first appearance, and how many there are."""
    largest = int(numbers.max(initial=NOTHING))
    rows = len(numbers)
    first = np.full(largest + 2, rows, np.int32)  # the last is for NOTHING
    first[numbers[::-1]] = np.arange(rows - 1, -1, -1, dtype=np.int32)
    first[NOTHING] = rows
    order = np.argsort(first, kind="stable").astype(np.int32)
    count = int(np.count_nonzero(first < rows))
    renamed = np.empty(len(first), np.int32)
    renamed[order] = np.arange(len(first), dtype=np.int32)
    renamed[NOTHING] = NOTHING
    return renamed[numbers], count
