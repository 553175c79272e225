"""Correlation of local estimates with the loss of the same tokens, at three levels.

Tokens are joined by their row in the token table, which estimates and losses share. A level is
what a pair stands for: a token, the means of a sequence, or those of a (corpus, split, checkpoint).
Intervals of the first two are by the jackknife where estimates were made without groups of
documents, else by the bootstrap, as those of the third.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import Keys, cells
from lm_geometry.aggregate.means import CELL
from lm_geometry.aggregate.params import Bootstrap
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_losses, read_tokens
from lm_geometry.outs.estimate.clouds import without_columns
from lm_geometry.point_cloud.shapes import Float64, Integer
from lm_geometry.statistics.corpus_correlation import across_cells
from lm_geometry.statistics.correlation import Correlation, clustered_correlations, resamples
from lm_geometry.statistics.jackknife import JACKKNIFE
from lm_geometry.statistics.jackknifed_correlation import (
    JackknifedCorrelation,
    jackknifed_correlations,
)
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tables import Row

KIND = ("layer", "exclude", "estimator", "n_neighbors")  # of a correlation at corpus level
FEWEST_CELLS = 3  # (corpus, split, checkpoint) cells of a correlation at corpus level
Rows = list[Row]
Found = Mapping[str, Correlation] | Mapping[str, JackknifedCorrelation]


@dataclass(frozen=True)
class Pairs:
    """Rows in the token table, estimates and losses of the tokens that have both.

    Beside the estimates stand those without each jackknife group, and those of each cloud alone.
    """

    rows: Integer[np.ndarray, "pairs"]
    values: Float64[np.ndarray, "pairs"]
    losses: Float64[np.ndarray, "pairs"]
    without: Float64[np.ndarray, "pairs groups"]
    clouds: Float64[np.ndarray, "pairs clouds"]

    def of(self, unit: Integer[np.ndarray, "pairs"]) -> "Pairs":
        """The means of each unit, such as a sequence, in place of its tokens."""
        first, inverse = np.unique(unit, return_index=True, return_inverse=True)[1:]
        table = np.column_stack([self.values, self.losses, self.without, self.clouds])
        means = np.column_stack([_means(inverse, column) for column in table.T])
        groups = self.without.shape[1]
        values, losses, *_ = means.T
        return Pairs(
            self.rows[first], values, losses, means[:, 2 : 2 + groups], means[:, 2 + groups :]
        )


@dataclass(frozen=True)
class _Split:
    """What the tokens of one corpus split belong to, and the resamples that all its cells share."""

    split: CorpusSplit
    sequence: np.ndarray  # [tokens], numbered from 0
    document: np.ndarray  # [tokens], numbered from 0
    drawn: np.ndarray  # [tokens], the sequence or document that is resampled, from 0
    weights: np.ndarray  # [sequences or documents, 1 + draws]


class LossCorrelations:
    """Collects the cells of a run, one (corpus split, layer) after another."""

    def __init__(self, settings: Bootstrap, confidence: float) -> None:
        self._settings, self._confidence = settings, confidence
        self._rows: Rows = []
        self._cells: dict[Keys, list[np.ndarray]] = defaultdict(list)
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
        drawn = split.drawn[pairs.rows]
        for level, of in (("token", pairs), ("sequence", pairs.of(split.sequence[pairs.rows]))):
            if np.isfinite(of.without).any():
                documents = split.document[of.rows]
                found = jackknifed_correlations(
                    of.values, of.without, of.losses, documents, of.clouds
                )
                self._record(keys, level, JACKKNIFE, found)
            else:
                resampled = (split.drawn[of.rows], split.weights)
                found = clustered_correlations(of.values, of.losses, *resampled)
                self._record(keys, level, "bootstrap", found)
        if len(drawn):
            kind = tuple(keys[name] for name in KIND)
            means = _resampled_means(pairs.values, pairs.losses, drawn, split.weights)
            self._cells[kind].append(means)
            self._resampled[split.split] = len(split.weights)

    def _record(self, keys: Row, level: str, error: str, found: Found) -> None:
        for method, correlation in found.items():
            lower, upper = correlation.interval(self._confidence)
            self._rows.append(
                keys
                | {"level": level, "method": method, "correlation": correlation.value}
                | {"lower": lower, "upper": upper, "error": error, "pairs": correlation.pairs}
                | {"resampled": correlation.clusters}
            )

    def rows(self) -> Rows:
        """A row per cell, level and method; at corpus level where there are at least 3 cells."""
        resampled = sum(self._resampled.values())
        return self._rows + [
            dict.fromkeys(CELL, "all")
            | dict(zip(KIND, kind, strict=True))
            | {"level": "corpus", "method": method, "pairs": len(found), "error": "bootstrap"}
            | {"correlation": value, "lower": lower, "upper": upper, "resampled": resampled}
            for kind, found in self._cells.items()
            if len(found) >= FEWEST_CELLS
            for method, (value, lower, upper) in across_cells(
                np.stack(found), self._confidence
            ).items()
        ]


def joined(cell: pd.DataFrame, losses: Float64[np.ndarray, "tokens"]) -> Pairs:
    """The pairs of a cell's tokens, joined by their row.

    The estimates of a token in several clouds are averaged first: its loss is one number. Of one
    cloud there is none alone.
    """
    columns = ["value", *without_columns(cell)]
    table, rows = cell[columns].to_numpy(np.float64), cell["row"].to_numpy()
    kept = np.isfinite(table[:, 0]) & np.isfinite(losses[rows])
    table, rows, draw = table[kept], rows[kept], cell["sampling_seed"].to_numpy()[kept]
    single = np.empty((len(rows), 0))
    if len(draws := np.unique(draw)) > 1:
        single = np.where(draw[:, None] == draws, table[:, :1], np.nan)
        different, inverse = np.unique(rows, return_inverse=True)
        means = [_means(inverse, column) for column in np.column_stack([table, single]).T]
        rows, joint = different, np.column_stack(means)
        table, single = joint[:, : len(columns)], joint[:, len(columns) :]
    return Pairs(rows, table[:, 0], losses[rows], table[:, 1:], single)


def _means(
    unit: Integer[np.ndarray, "pairs"], values: Float64[np.ndarray, "pairs"]
) -> Float64[np.ndarray, "units"]:
    """Mean of the defined values of each unit, numbered from 0; NaN where there are none."""
    kept, length = np.isfinite(values), int(unit.max(initial=-1)) + 1
    with np.errstate(invalid="ignore"):
        return np.bincount(unit[kept], values[kept], length) / np.bincount(
            unit[kept], minlength=length
        )


def _read_split(split: CorpusSplit, settings: Bootstrap) -> _Split:
    tokens = read_tokens(split)
    columns = {"sequences": "sequence", "documents": "document"}
    drawn, names = pd.factorize(tokens[columns[settings.resample]])
    generator = stream(settings.seed, "bootstrap", split.corpus, split.split)
    weights = resamples(len(names), settings.draws, generator)
    sequence, document = (pd.factorize(tokens[name])[0] for name in ("sequence", "document"))
    return _Split(split, sequence, document, drawn, weights)


def _resampled_means(
    values: np.ndarray, losses: np.ndarray, drawn: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean estimate and mean loss of a cell in every resample, `[2, 1 + draws]`."""
    length = len(weights)
    sums = np.stack([np.bincount(drawn, v, length) for v in (values, losses)])
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums @ weights / (np.bincount(drawn, minlength=length) @ weights)
