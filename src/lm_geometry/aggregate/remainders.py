"""What null models read of every mean, change and difference, and what they leave unexplained."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from lm_geometry.aggregate.differences import Change, Key, adjusted_over_layers, columns_of, key_of
from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import CELL, OF_TOKENS, Weight, mean_of, summary
from lm_geometry.outs.estimate.clouds import without_columns
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.statistics import Mean
from lm_geometry.workspace.tables import Row

DRAWS = "draws"  # the error of what is a mean over draws


@dataclass(frozen=True)
class Draws:
    """What each draw of a null model reads, and a draw of the null model fitted `again` to it.

    Where such draws read more than their own origins, those do read more than the states they are
    of by the fit alone: by as much they count less.
    """

    values: Float64[np.ndarray, "draws"]
    again: Float64[np.ndarray, "draws"] | None = None

    def __sub__(self, other: "Draws") -> "Draws":
        """The difference of each draw and that of the same number."""
        again = None
        if self.again is not None and other.again is not None:
            again = self.again - other.again
        return Draws(self.values - other.values, again)

    @property
    def corrected(self) -> Float64[np.ndarray, "draws"]:
        """The draws, each less what the second fit added to it.

        Source: iterated bootstrap, Hall, Martin 1988, Biometrika 75:661.
        """
        return self.values if self.again is None else 2 * self.values - self.again

    @property
    def mean(self) -> Mean:
        """The mean of the corrected draws, with the error of their number."""
        draws = self.corrected
        error = float(draws.std(ddof=1)) / np.sqrt(len(draws))
        return Mean(float(draws.mean()), error, len(draws) - 1.0, len(draws), 0, DRAWS)

    def p_value_of(self, value: float) -> float:
        """Two-sided p value of `value` being one more draw: Student's t, draws − 1 degrees.

        Tokens and documents are given, as they are to the null model. NaN where draws are alike.
        """
        mean = self.mean
        spread = float(np.hypot(self.values.std(ddof=1), mean.standard_error))
        if not spread > 0:
            return np.nan
        distance = abs(value - mean.value) / spread
        return float(2 * stats.t.sf(distance, len(self.values) - 1))


OfCorpus = Mapping[str, Mapping[Key, Mean]]
OfDraws = Mapping[tuple[str, Key], Draws]


class Remainders:
    """The rows of the table of remainders: a row per null model and mean, change or difference."""

    def __init__(self, surrogates: pd.DataFrame, weight: Weight) -> None:
        """`surrogates` as estimate left them; `weight` chooses which of their means counts."""
        self._weight: Weight = weight
        self._means: dict[str, dict[Key, Mean]] = defaultdict(dict)
        self._drawn: dict[str, dict[tuple[str, Key], Draws]] = defaultdict(dict)
        names = [*CELL, "surrogate"]
        for keys, cell in cells(surrogates, names):
            named: Row = dict(zip(names, keys, strict=True)) | OF_TOKENS
            by_draw = cell.groupby("draw")  # in order; means over clouds
            values, again = (
                pd.Series(by_draw[name].mean()).to_numpy(np.float64)
                for name in (weight, f"{weight}_again")
            )
            draws = Draws(values, None if np.isnan(again).all() else again)
            self._drawn[str(named["surrogate"])][str(named["corpus"]), key_of(named)] = draws

    def add(self, table: pd.DataFrame) -> None:
        """Take the means of a table of local estimates, where there are null models."""
        for keys, cell in cells(table, CELL) if self._drawn else ():
            named: Row = dict(zip(CELL, keys, strict=True)) | OF_TOKENS
            deletions = cell[without_columns(cell)].to_numpy(np.float64)
            mean = mean_of(cell["value"].to_numpy(), deletions, cell, self._weight)
            self._means[str(named["corpus"])][key_of(named)] = mean

    def rows(
        self, changes: Mapping[str, Mapping[Key, Change]], fine_tuned: str, confidence: float
    ) -> list[Row]:
        """A row per null model and number of the run: what each reads, and the remainder.

        `of` is mean, change or difference; `real` the number itself with its own interval;
        `surrogate_mean` and `surrogate_deviation` are over draws, the former corrected for what a
        second fit adds. The remainder is real minus the
        mean over draws, and has the errors of both (Welch 1947): how large it is over documents.
        `null_p_value` asks whether there is one: could what was measured be one more draw of the
        null model, tokens and documents given? Either is adjusted over layers. Surrogates are of
        the very tokens: what moves both the number and its null model from document to document is
        in the error of the first alone, so that the interval is too wide where there is none.
        """
        found: list[Row] = []
        changed = {c: {k: v.mean for k, v in own.items()} for c, own in changes.items()}
        for name, drawn in self._drawn.items():
            since_base = _since_base(drawn)
            told = {
                "mean": _against(self._means, drawn, confidence),
                "change": _against(changed, since_base, confidence),
                "difference": _differences(changed, since_base, fine_tuned, confidence),
            }
            for of, rows in told.items():
                found += _adjusted([{"of": of, "surrogate": name} | row for row in rows])
        return found


def _adjusted(rows: list[Row]) -> list[Row]:
    """The rows with both p values adjusted over layers."""
    of_null = adjusted_over_layers([row | {"p_value": row["null_p_value"]} for row in rows])
    own = adjusted_over_layers(rows)
    return [
        row | {"adjusted_null_p_value": other["adjusted_p_value"]}
        for row, other in zip(own, of_null, strict=True)
    ]


def _since_base(drawn: OfDraws) -> dict[tuple[str, Key], Draws]:
    """Change of every draw since the draw of its number at base."""
    found = {}
    for (corpus, key), draws in drawn.items():
        named = columns_of(key)
        base = drawn.get((corpus, key_of(named | {"checkpoint": BASE})))
        if named["checkpoint"] != BASE and base is not None:
            found[corpus, key] = draws - base
    return found


def _against(real: OfCorpus, drawn: OfDraws, confidence: float) -> Iterator[Row]:
    for (corpus, key), draws in drawn.items():
        mean = real[corpus][key]
        found = _row(mean, mean - draws.mean, draws, confidence)
        yield {"corpus": corpus, "control": ""} | columns_of(key) | found


def _differences(
    changed: OfCorpus, drawn: OfDraws, fine_tuned: str, confidence: float
) -> Iterator[Row]:
    """Of the fine-tuned corpus and each other one, whose draws are independent, as documents are.

    Both have draws wherever they have changes.
    """
    for (control, key), draws in drawn.items():
        own = drawn.get((fine_tuned, key))
        if control != fine_tuned and own is not None:
            real = changed[fine_tuned][key] - changed[control][key]
            remainder = real - (own.mean - draws.mean)
            names = {"corpus": fine_tuned, "control": control} | columns_of(key)
            yield names | _row(real, remainder, own - draws, confidence)


def _row(real: Mean, remainder: Mean, draws: Draws, confidence: float) -> Row:
    lower, upper = real.interval(confidence)
    remainder = replace(remainder, values=real.values, clusters=real.clusters)
    return {
        "real": real.value,
        "real_lower": lower,
        "real_upper": upper,
        "surrogate_mean": draws.mean.value,
        "surrogate_deviation": float(draws.values.std(ddof=1)),
        "draws": len(draws.values),
        "null_p_value": draws.p_value_of(real.value),
        **summary(remainder, confidence),
        "p_value": remainder.p_value(),
    }
