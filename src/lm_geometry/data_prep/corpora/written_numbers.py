"""Whether the cells of a column, seen piece by piece, are numbers as Python writes them."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lm_geometry.data_prep.corpora.texts import compute

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = "^(0|-?[1-9][0-9]{0,17})?$"
DECIMAL = "^(-?(0|[1-9][0-9]*)([.][0-9]+)?(e[+-][0-9]{2,3})?)?$"


class Numbers:
    """What a column of texts can be. Empty cells are missing numbers.

    Numbers stand as Python writes them, `1.0` also as `1`: leading zeros, or two ways to write one
    number, make an identity of it, which stays a text.
    """

    def __init__(self) -> None:
        self._is_empty = self._is_whole = self._is_decimal = True

    def see(self, cells: "pa.Array") -> None:
        """Take more cells into account."""
        self._is_empty = self._is_empty and _are(cells, "^$")
        self._is_whole = self._is_whole and _are(cells, WHOLE)
        self._is_decimal = self._is_decimal and _are(cells, DECIMAL)

    def kind(
        self, again: "Callable[[], Iterable[pa.ChunkedArray]]"
    ) -> Literal["string", "int64", "float64"]:
        """The type that holds all the cells, which `again` gives once more."""
        if self._is_empty or not self._is_decimal:
            return "string"
        if self._is_whole:
            return "int64"
        return "float64" if _are_written_alike(again()) else "string"


def _are_written_alike(column: "Iterable[pa.ChunkedArray]") -> bool:
    """Whether each cell is as Python writes it, `1.0` also as `1`, and no number in two ways."""
    zeros = set[str]()
    with_point, without = [np.empty(0)], [np.empty(0)]
    for cells in column:
        own = [cell for cell in cells.unique().to_pylist() if cell]
        values = list(map(float, own))
        if not all(repr(v) in (cell, f"{cell}.0") for cell, v in zip(own, values, strict=True)):
            return False
        zeros |= {cell for cell, value in zip(own, values, strict=True) if not value}
        pairs = [(cell, v) for cell, v in zip(own, values, strict=True) if v and v.is_integer()]
        with_point.append(np.array([value for cell, value in pairs if repr(value) == cell]))
        without.append(np.array([value for cell, value in pairs if repr(value) != cell]))
    both = np.intersect1d(np.concatenate(with_point), np.concatenate(without))
    return len(zeros) < 2 and not len(both)


def _are(cells: "pa.Array", pattern: str) -> bool:
    found: Any = compute().match_substring_regex(cells, pattern)
    return bool(compute().all(found).as_py())
