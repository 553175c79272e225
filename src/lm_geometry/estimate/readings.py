"""Which neighbours count, and which documents the jackknife leaves out together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.neighbours.labels import as_labels, no_labels
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.exclusion import KINDS, kinds_of
from lm_geometry.outs.embed.hidden_states import read_tokens
from lm_geometry.point_cloud.shapes import Int32, Int64
from lm_geometry.workspace.seeds import stream


class Readings:
    """What the tokens of a corpus split have in common, and the jackknife's groups of documents."""

    def __init__(
        self, split: CorpusSplit, groups: int, seed: int, tokens: pd.DataFrame | None = None
    ) -> None:
        """`tokens` is the token table of the split, as embed wrote it where none is given."""
        self._split = split
        self._tokens = read_tokens(split) if tokens is None else tokens
        documents, names = pd.factorize(self._tokens["document"])
        self.groups = min(groups, len(names)) if min(groups, len(names)) > 1 else 0
        dealt = np.arange(len(names)) % max(self.groups, 1)
        stream(seed, "jackknife", split.corpus, split.split).shuffle(dealt)
        self._document, self._group = documents, dealt[documents]

    def group_of(self, rows: Int64[np.ndarray, "points"]) -> Int64[np.ndarray, "points"]:
        """The jackknife group of each of the `rows` of the token table, from 0."""
        return self._group[rows].astype(np.int64)

    def document_of(self, rows: Int64[np.ndarray, "points"]) -> Int64[np.ndarray, "points"]:
        """The document of each of the `rows`, numbered from 0."""
        return self._document[rows].astype(np.int64)

    def labels(
        self, exclude: str, rows: Int64[np.ndarray, "points"]
    ) -> Int32[np.ndarray, "points kinds"]:
        """What a reading compares of the `rows`: tokens alike in one of the kinds do not count.

        Raises ValueError for tokens whose ids may not be passed on, and so are not in the table.
        """
        columns = self.columns(f"estimate.exclude: {exclude}", kinds_of(exclude))
        if not columns:
            return no_labels(len(rows))
        return as_labels(self._tokens[columns].iloc[rows].to_numpy(), len(rows))

    def columns(self, asked: str, kinds: Sequence[str]) -> list[str]:
        """The columns of the token table that tell `kinds` apart, for what is `asked`.

        Raises ValueError for tokens whose ids may not be passed on, and so are not in the table.
        """
        names = [KINDS[kind] for kind in kinds]
        if absent := [name for name in names if name not in self._tokens]:
            raise ValueError(
                f"{asked} needs the column {absent[0]} of the token table, "
                f"which {self._split.corpus} has not here, as its text may not be passed on"
            )
        return names

    def has(self, kind: str) -> bool:
        """Whether the token table tells tokens of a kind apart, such as token or document."""
        return KINDS[kind] in self._tokens

    def without_groups(self) -> "Readings":
        """The same without a jackknife."""
        return Readings(self._split, 0, 0, self._tokens)
