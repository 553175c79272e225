"""Where in the blocks of a model its states are read, and how the layers of a place are numbered.

Of the residual stream layer 0 is the embedding output and i is after block i. Of a place inside
the blocks layer i is what it returns in block i, and there is no layer 0. A module outside of the
blocks is one layer, 0.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lm_geometry.workspace.layers import hidden_states
from lm_geometry.workspace.section import Section

ANY = "*"  # within one part of a module's name
_PATTERN = re.compile(r"[\w*]+(\.[\w*]+)*")


def _pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError("a module's name, such as model.norm or model.layers.*.self_attn")
    return text


class NamedModule(Section):
    """A module of the model, or one of each block."""

    module: Annotated[str, AfterValidator(_pattern)] = Field(
        description="name in the model; with a * one module of each block, without one outside"
    )


Points = Literal["residual", "attention", "mlp"] | NamedModule
RESIDUAL: Literal["residual"] = "residual"


def outside(points: Points) -> bool:
    """Whether the place is a module outside of the blocks."""
    return isinstance(points, NamedModule) and ANY not in points.module


def ends(points: Points, depth: int) -> tuple[int, int]:
    """Numbers of the first and the last layer of a place in a model of `depth` blocks."""
    first = 0 if points == RESIDUAL or outside(points) else 1
    return first, 0 if outside(points) else depth


def layers_at(asked: Sequence[int | str] | str, depth: int, points: Points) -> list[int]:
    """The layers of a place that `asked` names, in its order, each once.

    As `workspace.layers.hidden_states`; a share of 0 % goes to the first layer that there is.
    Raises ValueError for a number that there is not.
    """
    first, last = ends(points, depth)
    if isinstance(asked, str):
        return [one for one in hidden_states(asked, last) if one >= first]
    found: list[int] = []
    for layer in asked:
        own = hidden_states([layer], last)
        if isinstance(layer, int) and own[0] < first:
            what = told(named(points))
            raise ValueError(f"there is no layer {layer} in the {what}; there are 1 … {last}")
        found += [max(first, one) for one in own]
    return list(dict.fromkeys(found))


def named(points: Points) -> str:
    """The place as a table names it: `attention`, `mlp`, or the pattern of a module."""
    return points.module if isinstance(points, NamedModule) else points


def told(name: str) -> str:
    """A place, by the name that `named` gives it, as figures name it; empty for the stream."""
    if name == RESIDUAL:
        return ""
    return f"outputs of {'the MLP' if name == 'mlp' else name}"
