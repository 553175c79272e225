"""A corpus split in shards: sequences that follow each other, and the passes that embed them.

Shards depend on the corpus alone, and no pass belongs to two of them: a state has the same bits
whichever shards are embedded beside it, in whatever order, and whether states are stored or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm_geometry.embed.forward_pass import batches
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.point_cloud.shapes import Int64

TOKENS = 2**16  # of a shard's inputs, or a sequence more: what an interruption loses

Pass = list[int]  # numbers of the sequences of one batch


@dataclass(frozen=True)
class QueryShard:
    """Passes over the sequences that have a query, which come first, and over the others."""

    number: int
    with_queries: list[Pass]
    others: list[Pass]
    rows: Int64[np.ndarray, "rows"]  # of the token table, ascending

    @property
    def passes(self) -> list[Pass]:
        return [*self.with_queries, *self.others]


def shards_of(
    corpus: TokenisedCorpus, queries: Int64[np.ndarray, "queries"], batch_tokens: int
) -> list[QueryShard]:
    """The shards of a corpus whose rows `queries` are asked for.

    The sequences with a query have passes of their own, since they are embedded twice: for the
    queries' states, and in their turn.
    """
    rows = corpus.rows
    asked = set(corpus.kept["sequence"].to_numpy()[queries].tolist())
    found: list[QueryShard] = []
    for numbers in _cut(list(rows), corpus.sequences):
        parts = [n for n in numbers if n in asked], [n for n in numbers if n not in asked]
        own_passes, others = (_passes(part, corpus.sequences, batch_tokens) for part in parts)
        own = np.sort(np.concatenate([rows[number] for number in numbers]))
        found.append(QueryShard(len(found), own_passes, others, own))
    return found


def _cut(numbers: list[int], sequences: Sequence[Sequence[int]]) -> list[list[int]]:
    found, filled = [[]], 0
    for number in numbers:
        if filled >= TOKENS:
            found.append([])
            filled = 0
        found[-1].append(number)
        filled += len(sequences[number])
    return found


def _passes(
    numbers: list[int], sequences: Sequence[Sequence[int]], batch_tokens: int
) -> list[Pass]:
    if not numbers:
        return []
    lengths = np.array([len(sequences[number]) for number in numbers])
    return [[numbers[i] for i in batch] for batch in batches(lengths, batch_tokens)]
