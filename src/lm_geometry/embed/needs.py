"""The disk that hidden states and records of prompts take, from plain numbers alone."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from lm_geometry.outs.embed.hidden_states import COMBINED

FLOAT32, UINT16 = 4, 2  # bytes of a coordinate, radius or weight, and of a neighbour's index
FLOAT64 = INT64 = 8  # of a distance to a query, and of its token's number


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


class QueryNeeds(NamedTuple):
    """Bytes of the lists of some queries."""

    disk: int
    memory: int


def query_lists(
    queries: int,
    tokens: int,
    lists: int,
    lengths: tuple[int, int],
    widths: Sequence[int],
) -> QueryNeeds:
    """What `lists` lists of each query take at every layer, at most.

    `lengths` are those of a list and of its part whose states are kept, of no more than all
    `tokens`. In memory are lists and queries, of which a search has two copies.
    """
    neighbours, vectors = lengths
    kept = min(tokens, queries * lists * vectors)
    entries = queries * lists * neighbours
    disk = sum(entries * (INT64 + FLOAT64) + FLOAT32 * (queries + kept) * width for width in widths)
    memory = sum(entries * 3 * INT64 + 2 * FLOAT32 * queries * width for width in widths)
    return QueryNeeds(disk, memory)
