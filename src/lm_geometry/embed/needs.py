"""The disk that hidden states and records of prompts take, from plain numbers alone."""

from collections.abc import Sequence
from typing import Literal

from lm_geometry.outs.embed.hidden_states import COMBINED

FLOAT32, UINT16 = 4, 2  # bytes of a coordinate, radius or weight, and of a neighbour's index


def arrays(
    layers: Sequence[int], width: int, combine: Literal["none", "mean", "concatenate"]
) -> dict[int, int]:
    """Width of each stored array by layer number; several layers may be made into one."""
    if combine == "none":
        return dict.fromkeys(layers, width)
    return {COMBINED: width * (len(layers) if combine == "concatenate" else 1)}


def hidden_states(tokens: int, widths: Sequence[int], checkpoints: int) -> int:
    """Bytes of the states of `tokens` tokens, an array of each width for each checkpoint."""
    return FLOAT32 * tokens * sum(widths) * checkpoints


def prompt_records(records: int, tokens: int, layers: int, gride_range: int, overlap_k: int) -> int:
    """Bytes of the records of prompts of `tokens` tokens each: radii and neighbours by layer."""
    radii = gride_range.bit_length()  # at ranks 1, 2, 4 … gride_range
    return records * tokens * layers * (FLOAT32 * radii + UINT16 * overlap_k)
