"""Numbers that a caller gives: of neighbours, shares, constants."""

import operator
from typing import SupportsFloat, SupportsIndex


def whole(value: SupportsIndex, name: str) -> int:
    """`value` as an int; raises ValueError, with the parameter's `name`, for what is no integer."""
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} is {value!r}; it must be a whole number") from None


def number(value: SupportsFloat, name: str) -> float:
    """`value` as a float; raises ValueError, with the parameter's `name`, for what is no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}; it must be a number") from None
