"""Correlation of local estimates with the loss of the same tokens, at three levels.

Tokens are joined by their row in the token table, which estimates and losses share. A level is
what a pair stands for: a token, the means of a sequence, or those of a (corpus, split, checkpoint).
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import CELL
from lm_geometry.aggregate.params import Bootstrap
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_losses, read_tokens
from lm_geometry.point_cloud.shapes import Float64, Integer
from lm_geometry.statistics.corpus_correlation import across_cells
from lm_geometry.statistics.correlation import clustered_correlations, resamples
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tables import Row

FEWEST_CELLS = 3  # (corpus, split, checkpoint) cells of a correlation at corpus level
Rows = list[Row]
Pairs = tuple[  # rows in the token table, estimates, losses
    Integer[np.ndarray, "pairs"], Float64[np.ndarray, "pairs"], Float64[np.ndarray, "pairs"]
]


@dataclass(frozen=True)
class _Split:
    """What the tokens of one corpus split belong to, and the resamples that all its cells share."""

    split: CorpusSplit
    sequence: np.ndarray  # [tokens], numbered from 0
    drawn: np.ndarray  # [tokens], the sequence or document that is resampled, from 0
    weights: np.ndarray  # [sequences or documents, 1 + draws]


class LossCorrelations:
    """Collects the cells of a run, one (corpus split, layer) after another."""

    def __init__(self, settings: Bootstrap, confidence: float) -> None:
        self._settings, self._confidence = settings, confidence
        self._rows: Rows = []
        self._cells: dict[tuple[Any, ...], list[np.ndarray]] = defaultdict(list)
        self._resampled: dict[CorpusSplit, int] = {}
        self._current: _Split | None = None

    def add(self, split: CorpusSplit, table: pd.DataFrame) -> None:
        """Correlate every cell of a table of local estimates with the losses of its tokens."""
        if self._current is None or self._current.split != split:
            self._current = _read_split(split, self._settings)
        losses: dict[str, np.ndarray] = {}
        for keys, cell in cells(table, CELL):
            named = dict(zip(CELL, keys, strict=True))
            checkpoint = named["checkpoint"]
            if checkpoint not in losses:
                read = read_losses(checkpoint, split.corpus, split.split)
                losses[checkpoint] = read.astype(np.float64)
            if np.isfinite(losses[checkpoint]).any():
                self._add_cell(named, joined(cell, losses[checkpoint]), self._current)

    def _add_cell(self, keys: Row, pairs: Pairs, split: _Split) -> None:
        rows, values, losses = pairs
        drawn, sequence = split.drawn[rows], split.sequence[rows]
        self._record(keys, "token", values, losses, drawn, split)
        first = np.unique(sequence, return_index=True)[1]
        counts = np.bincount(sequence)[sequence[first]]
        means = [np.bincount(sequence, v)[sequence[first]] / counts for v in (values, losses)]
        self._record(keys, "sequence", means[0], means[1], drawn[first], split)
        if len(rows):
            kind = (keys["layer"], keys["estimator"], keys["n_neighbors"])
            self._cells[kind].append(_resampled_means(values, losses, drawn, split.weights))
            self._resampled[split.split] = len(split.weights)

    def _record(
        self,
        keys: Row,
        level: str,
        values: np.ndarray,
        losses: np.ndarray,
        drawn: np.ndarray,
        split: _Split,
    ) -> None:
        found = clustered_correlations(values, losses, drawn, split.weights)
        for method, correlation in found.items():
            lower, upper = correlation.interval(self._confidence)
            self._rows.append(
                keys
                | {"level": level, "method": method, "correlation": correlation.value}
                | {"lower": lower, "upper": upper, "pairs": correlation.pairs}
                | {"resampled": correlation.clusters}
            )

    def rows(self) -> Rows:
        """A row per cell, level and method; at corpus level where there are at least 3 cells."""
        resampled = sum(self._resampled.values())
        return self._rows + [
            dict.fromkeys(CELL, "all")
            | {"layer": layer, "estimator": estimator, "n_neighbors": size}
            | {"level": "corpus", "method": method, "pairs": len(found)}
            | {"correlation": value, "lower": lower, "upper": upper, "resampled": resampled}
            for (layer, estimator, size), found in self._cells.items()
            if len(found) >= FEWEST_CELLS
            for method, (value, lower, upper) in across_cells(
                np.stack(found), self._confidence
            ).items()
        ]


def joined(cell: pd.DataFrame, losses: Float64[np.ndarray, "tokens"]) -> Pairs:
    """Row, estimate and loss `[pairs]` of the tokens that have both, joined by their row.

    The estimates of a token in several clouds are averaged first: its loss is one number.
    """
    rows, values = cell["row"].to_numpy(), cell["value"].to_numpy()
    rows, values = rows[np.isfinite(values)], values[np.isfinite(values)]
    different, inverse = np.unique(rows, return_inverse=True)
    if len(different) < len(rows):
        rows, values = different, np.bincount(inverse, values) / np.bincount(inverse)
    kept = np.isfinite(losses[rows])
    return rows[kept], values[kept], losses[rows[kept]]


def _read_split(split: CorpusSplit, settings: Bootstrap) -> _Split:
    tokens = read_tokens(split)
    columns = {"sequences": "sequence", "documents": "document"}
    drawn, names = pd.factorize(tokens[columns[settings.resample]])
    generator = stream(settings.seed, "bootstrap", split.corpus, split.split)
    weights = resamples(len(names), settings.draws, generator)
    return _Split(split, pd.factorize(tokens["sequence"])[0], drawn, weights)


def _resampled_means(
    values: np.ndarray, losses: np.ndarray, drawn: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean estimate and mean loss of a cell in every resample, `[2, 1 + draws]`."""
    length = len(weights)
    sums = np.stack([np.bincount(drawn, v, length) for v in (values, losses)])
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums @ weights / (np.bincount(drawn, minlength=length) @ weights)
