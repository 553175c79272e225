"""What is asked of many texts at once, on Arrow arrays."""

import importlib
from typing import Any

import numpy as np


def lengths(text: Any, stripped: bool) -> np.ndarray:
    """Characters of each text, `[rows]` int64; 0 for a missing one. `stripped` leaves out white
    space at both ends, which is what `str.strip` calls so."""
    compute = _compute()
    counted = compute.utf8_length(compute.utf8_trim_whitespace(text) if stripped else text)
    return np.asarray(compute.fill_null(counted, 0), dtype=np.int64)


def start_with(text: Any, prefixes: list[str]) -> np.ndarray:
    """Whether each text starts with one of `prefixes`, `[rows]` bool."""
    found = np.zeros(len(text), dtype=bool)
    for prefix in prefixes:
        found |= np.asarray(_compute().starts_with(text, pattern=prefix), dtype=bool)
    return found


def stripped(text: Any) -> Any:
    """The texts without white space at both ends, as an Arrow array."""
    return _compute().utf8_trim_whitespace(text)


def _compute() -> Any:
    # Its functions are made at import, unseen by type checkers.
    return importlib.import_module("pyarrow.compute")
