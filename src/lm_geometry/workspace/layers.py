"""Layers as params.yaml names them: numbers, `last`, and shares of the depth of any model.

A share goes to the nearest layer, a half up: 25 % of 30 blocks is 8. The depth is that which
data-prep found (`outs.data_prep.model`), or which the catalogue tells before.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

SHARE = re.compile(r"(\d+(?:\.\d+)?)%")
SPAN = re.compile(rf"{SHARE.pattern}-{SHARE.pattern}")
LAST = "last"


def _one(text: str) -> str:
    if text != LAST and not (SHARE.fullmatch(text) and float(text[:-1]) <= 100):
        raise ValueError("a number, last, or a share of the depth such as 67%")
    return text


def _one_or_span(text: str) -> str:
    if found := SPAN.fullmatch(text):
        if float(found[1]) < float(found[2]) <= 100:
            return text
    elif text == LAST or (SHARE.fullmatch(text) and float(text[:-1]) <= 100):
        return text
    raise ValueError("a number, last, or a share of the depth such as 50% or 25%-100%")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) and (value == LAST or "%" in value) else value


OneLayer = int | Annotated[str, AfterValidator(_one)]
Several = list[int | Annotated[str, AfterValidator(_one_or_span)]]
# A single word needs no brackets: `-S embed.layers=25%-100%`.
Layers = Annotated[Several | Literal["all"], BeforeValidator(_as_list)]


def hidden_states(asked: Sequence[int | str] | str, depth: int) -> list[int]:
    """The hidden states 0 … depth that `asked` names, in its order, each once.

    Negative numbers count from the end. Raises ValueError for one that the model does not have.
    """
    if asked == "all":
        return list(range(depth + 1))
    found: list[int] = []
    for layer in asked:
        found += _states(layer, depth)
    return list(dict.fromkeys(found))


def _states(layer: int | str, depth: int) -> list[int]:
    if isinstance(layer, str):
        first, last = _ends(layer, depth)
        return list(range(first, last + 1))
    if not -depth - 1 <= layer <= depth:
        raise ValueError(f"there is no layer {layer}; there are 0 … {depth}")
    return [layer % (depth + 1)]


def blocks(asked: Sequence[int | str] | str, depth: int) -> list[int] | Literal["all"]:
    """The blocks 0 … depth - 1 that `asked` names, in its order, each once; `all` stays.

    Block `i` makes hidden state `i + 1`: a share is the block that makes the state at it, and
    p%-q% those that lead from the one to the other, one at least. Numbers stay as they are.
    """
    if isinstance(asked, str):
        return "all"
    found: list[int] = []
    for block in asked:
        if isinstance(block, int):
            found.append(block)
            continue
        first, last = _ends(block, depth)
        last = max(last, 1)
        found += range(min(first, last - 1) if "-" in block else last - 1, last)
    return list(dict.fromkeys(found))


def shown(asked: int | str, there: Sequence[int], depth: int) -> int:
    """The layer that `asked` means among those that are `there`.

    `last` is the deepest of them, a share the nearest to it, the lower of two. A number is itself,
    counted from the end where it is negative, whether or not it is there. A combination of layers
    (-1 alone) is always meant.
    """
    if asked == LAST or max(there) < 0:
        return max(there)
    if isinstance(asked, str):
        wanted = _ends(asked, depth)[0]
        return min(there, key=lambda layer: (abs(layer - wanted), layer))
    return asked % (depth + 1) if -depth - 1 <= asked <= depth else asked


def _ends(text: str, depth: int) -> tuple[int, int]:
    """First and last hidden state of a share, of a span, or of `last`."""
    if text == LAST:
        return depth, depth
    shares = [float(share) for share in SHARE.findall(text)]
    return _at(shares[0], depth), _at(shares[-1], depth)


def _at(share: float, depth: int) -> int:
    return int(share * depth / 100 + 0.5)
