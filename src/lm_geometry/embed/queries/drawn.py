"""Which tokens of a corpus split are queries, and which may be their neighbours."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lm_geometry.embed.params import QueryTokens
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.exclusion import KINDS, kinds_of
from lm_geometry.outs.embed.token_choice import chosen_rows, refuse_absent_values
from lm_geometry.point_cloud.shapes import Bool, Int32, Int64, UInt64
from lm_geometry.workspace.seeds import stream


@dataclass(frozen=True)
class Queries:
    """The queries of a corpus split, and what tells tokens of its token table apart."""

    rows: Int64[np.ndarray, "queries"]  # in the order drawn
    counted: Bool[np.ndarray, "tokens"]  # neither dropped nor masked
    labels: Int32[np.ndarray, "tokens kinds"]
    readings: list[list[int]]  # columns of `labels` that keep pairs apart
    key: int  # of the hash by which shares are nested

    def within(self, share: float, rows: Int64[np.ndarray, "rows"]) -> Bool[np.ndarray, "rows"]:
        """Which `rows` are in the reference of this share; a smaller share is part of a larger."""
        if share >= 1:
            return np.ones(len(rows), np.bool_)
        return _mixed(rows.astype(np.uint64) ^ np.uint64(self.key)) < np.uint64(share * 2.0**64)


def draw_queries(
    tokens: pd.DataFrame, settings: QueryTokens, seed: int, split: CorpusSplit
) -> Queries:
    """The queries of a split, drawn among its tokens but those that are dropped or masked.

    `tokens` is the token table that later stages read. Raises ValueError as `chosen_rows`, and for
    a reading by ids of tokens that may not be passed on.
    """
    refuse_absent_values([tokens], settings.mask, "embed.queries")
    rows = chosen_rows(tokens, settings.drop, settings.mask, "embed.queries")
    generator = stream(seed, "embed-queries", split.corpus, split.split)
    drawn = rows[generator.choice(len(rows), min(settings.count, len(rows)), replace=False)]
    counted = np.zeros(len(tokens), np.bool_)
    counted[rows] = True
    kinds = sorted({kind for reading in settings.exclude for kind in kinds_of(reading)})
    labels = np.zeros((len(tokens), len(kinds)), np.int32)
    for place, kind in enumerate(kinds):
        if KINDS[kind] not in tokens:
            raise ValueError(
                f"embed.queries.exclude: {kind} needs the column {KINDS[kind]} of the token table, "
                f"which {split.corpus} has not here, as its text may not be passed on"
            )
        labels[:, place] = pd.factorize(tokens[KINDS[kind]])[0]
    readings = [[kinds.index(kind) for kind in kinds_of(name)] for name in settings.exclude]
    key = int(stream(seed, "embed-reference", split.corpus, split.split).integers(2**63))
    return Queries(drawn, counted, labels, readings, key)


def _mixed(numbers: UInt64[np.ndarray, "rows"]) -> UInt64[np.ndarray, "rows"]:
    """Numbers as evenly spread 64-bit numbers: the finaliser of SplitMix64 (Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
