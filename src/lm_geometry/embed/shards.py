"""Shards of a corpus split: runs of its batches, each embedded on its own, and their gathering.

A shard begins and ends where a batch does, so that the passes, and their bytes, are those of the
whole split in one process. A split of few batches is one shard.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_geometry.embed.forward_pass import batches
from lm_geometry.embed.masked_token import masked_copies
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.workspace.arrays import array_folder, read_array, read_meta, write_array
from lm_geometry.workspace.cells import Cells

SHARD_TOKENS = 2**16  # of its passes, padding included, from which on another shard begins
LOSSES = "losses.npy"  # in the folder of a shard, beside the arrays of its layers
OF_ARRAYS = ("arrays", "dtype")  # what `array_folder` itself adds to meta.json


@dataclass(frozen=True)
class Shard:
    """Some sequences of a split, as a corpus; `rows` are those of its tokens in the whole table.

    `size` counts the tokens of its passes, padding included.
    """

    corpus: TokenisedCorpus
    rows: Int64[np.ndarray, "tokens"]
    size: int


def shards(corpus: TokenisedCorpus, settings: Embed, kind: str) -> list[Shard]:
    """The shards of a split under a kind of model, in the order of the batches.

    Equations are one: what is alike in them is computed once.
    """
    if kind == "arithmetic":
        return [_whole(corpus)]
    owners, lengths = _inputs(corpus, settings)
    parts = _parts(owners, lengths, settings.batch_tokens)
    if len(parts) == 1:
        return [_whole(corpus, parts[0][1])]
    rows = corpus.rows
    found = []
    for numbers, size in parts:
        own = np.sort(np.concatenate([rows[number] for number in numbers]))
        kept = corpus.kept.iloc[own].reset_index(drop=True)
        found.append(Shard(TokenisedCorpus(corpus.sequences, kept), own, size))
    return found


def _whole(corpus: TokenisedCorpus, size: int = 0) -> Shard:
    return Shard(corpus, np.arange(len(corpus.kept)), size or len(corpus.kept))


def _inputs(
    corpus: TokenisedCorpus, settings: Embed
) -> tuple[Int64[np.ndarray, "inputs"], Int64[np.ndarray, "inputs"]]:
    """The sequence of each input of the model, and its length: sequences, or masked copies."""
    if settings.mode == "masked_token":
        copies = masked_copies(corpus)
        return copies.sequence, copies.length
    numbers = np.array(list(corpus.rows))
    return numbers, np.array([len(corpus.sequences[number]) for number in numbers])


def _parts(
    owners: Int64[np.ndarray, "inputs"], lengths: Int64[np.ndarray, "inputs"], batch_tokens: int
) -> list[tuple[list[int], int]]:
    """(numbers of sequences, tokens of their passes) of each shard.

    It ends with a batch after which no input of its last sequence is left.
    """
    left = Counter(owners.tolist())
    parts: list[tuple[list[int], int]] = []
    numbers: list[int] = []
    size = 0
    for batch in batches(lengths, batch_tokens):
        own = owners[batch].tolist()
        left.subtract(own)
        numbers += own
        size += len(own) * int(lengths[batch].max())
        if size >= SHARD_TOKENS and not left[own[-1]]:
            parts.append(([*dict.fromkeys(numbers)], size))
            numbers, size = [], 0
    return [*parts, ([*dict.fromkeys(numbers)], size)] if numbers else parts


def gather(cells: Cells, names: tuple[str, str], parts: Mapping[str, Shard]) -> None:
    """Make the cells of a whole split, states and losses by their `names`, of those of its shards.

    These are then forgotten.
    """
    states, losses = names
    folders = {cells.path(name): shard for name, shard in parts.items()}
    metas = [read_meta(folder) for folder in folders]
    tokens = sum(len(shard.rows) for shard in parts.values())
    shapes = {
        name: (tokens, *shape[1:]) for name, shape in metas[0]["arrays"].items() if name != LOSSES
    }
    of_all = np.full(tokens, np.nan, dtype=np.float32)
    with array_folder(cells.path(states), shapes, meta_of_all(metas, tokens)) as arrays:
        for folder, shard in folders.items():
            of_all[shard.rows] = read_array(folder, LOSSES)
            for name, array in arrays.items():
                array[shard.rows] = read_array(folder, name)
        write_array(cells.path(losses), of_all)
    for name in names:
        cells.finish(name)
    for name in parts:
        cells.forget(name)


def meta_of_all(metas: list[dict[str, Any]], tokens: int) -> dict[str, Any]:
    """What the shards tell of themselves, as of the split; padding leaks where it did in one."""
    leaking = [meta for meta in metas if (meta["findings"] or {}).get("padding_leaks")]
    told = (leaking or metas)[0]
    return {name: told[name] for name in told if name not in OF_ARRAYS} | {"tokens": tokens}
