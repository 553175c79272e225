"""Special tokens and masks as parameters name them."""

from typing import Literal

Special = Literal["bos", "eos", "pad", "cls", "sep", "mask", "unk", "first"]
Mask = str | dict[str, list[str | int | bool]]


def checked_mask(mask: object) -> object:
    """`mask` where it is one; raises ValueError for what is neither a name nor values by column."""
    by_column = isinstance(mask, dict) and len(mask) > 0 and all(map(_are_values, mask.values()))
    if not isinstance(mask, str) and not by_column:
        raise ValueError(
            "none, a boolean column, or values by column, as {part_of_speech: [NN, NNS]}"
        )
    return mask


def _are_values(values: object) -> bool:
    return (
        isinstance(values, list) and bool(values) and all(isinstance(v, str | int) for v in values)
    )
