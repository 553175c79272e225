"""What jaxtyping's pytest hook puts around every function of the package."""

from collections.abc import Callable
from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with beartype on those of its annotations that say how arrays are shaped.

    On no others: basedpyright checks them without running anything, names imported for it alone are
    not there, and what is not in a `Literal` gets a sentence of its own, which tests ask for.
    """
    annotations = function.__annotations__
    function.__annotations__ = {n: hint for n, hint in annotations.items() if has_shape(hint)}
    return beartype(function) if function.__annotations__ else function


def has_shape(hint: Any) -> bool:
    """Whether an annotation has the shape of an array somewhere in it."""
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(has_shape(part) for part in get_args(hint))
