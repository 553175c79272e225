"""What is asked of many texts at once, on Arrow arrays."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from lm_geometry.point_cloud.shapes import Bool, Int64

if TYPE_CHECKING:
    import pyarrow as pa


def lengths(text: "pa.ChunkedArray", stripped: bool) -> Int64[np.ndarray, "rows"]:
    """Characters of each text, `[rows]` int64; 0 for a missing one. `stripped` leaves out white
    space at both ends, which is what `str.strip` calls so."""
    counted = compute().utf8_length(compute().utf8_trim_whitespace(text) if stripped else text)
    return np.asarray(compute().fill_null(counted, 0), dtype=np.int64)


def at_least(text: "pa.ChunkedArray", characters: int, stripped: bool) -> Bool[np.ndarray, "rows"]:
    """Whether each text has so many characters, `[rows]` bool."""
    return lengths(text, stripped) >= characters


def start_with(text: "pa.ChunkedArray", prefixes: list[str]) -> Bool[np.ndarray, "rows"]:
    """Whether each text starts with one of `prefixes`, `[rows]` bool."""
    found = np.zeros(len(text), dtype=bool)
    for prefix in prefixes:
        found |= np.asarray(compute().starts_with(text, pattern=prefix), dtype=bool)
    return found


def stripped(text: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """The texts without white space at both ends, as an Arrow array."""
    return compute().utf8_trim_whitespace(text)


def not_empty(values: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """The column with what names nothing, an empty text or no number, as missing."""
    import pyarrow

    if pyarrow.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pyarrow.types.is_floating(values.type):
        values = compute().if_else(compute().is_nan(values), None, values)
    if pyarrow.types.is_string(values.type) or pyarrow.types.is_large_string(values.type):
        values = compute().if_else(compute().equal(values, ""), None, values)
    return values


def filled(given: "pa.ChunkedArray", own: "pa.Array", prefix: str) -> "pa.ChunkedArray":
    """The column with `own` after `prefix` where it is missing."""
    if prefix:
        own = compute().binary_join_element_wise(prefix, own, "")
    return compute().coalesce(given, own)


def any_starts(given: "pa.ChunkedArray", prefix: str) -> bool:
    """Whether a text of a column starts so."""
    return bool(compute().any(compute().starts_with(given, pattern=prefix)).as_py())


def joined(words: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """The words of each list with a space between them; missing where the list or a word is."""
    import pyarrow

    if pyarrow.types.is_fixed_size_list(words.type):
        words = words.cast(pyarrow.list_(words.type.value_type))
    return compute().binary_join(words, " ")


def differ(text: "pa.ChunkedArray", other: "pa.ChunkedArray") -> Int64[np.ndarray, "different"]:
    """Row numbers at which two columns of texts differ; a missing text is an empty one."""
    same = compute().equal(compute().fill_null(text, ""), compute().fill_null(other, ""))
    return np.flatnonzero(~np.asarray(same, dtype=bool))


def any_quoted(text: "pa.Array | pa.ChunkedArray") -> bool:
    """Whether a text begins and ends with quotation marks."""
    return bool(compute().any(compute().match_substring_regex(text, '(?s)^".*"$')).as_py())


def compute() -> ModuleType:
    """The module `pyarrow.compute`."""
    # Its functions are made at import, unseen by type checkers.
    return importlib.import_module("pyarrow.compute")
