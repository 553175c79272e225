"""Correlation of the geometry of prompts with their loss, by layer and scale or k."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import cells_of, groups_of
from lm_geometry.statistics.correlation import Correlation, resamples
from lm_geometry.token_geometry.correlation import p_value, resampled_correlations
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tables import Row, Scalar

POOLED = -1  # shuffle of a correlation over all shuffles


def loss_correlations(
    values: pd.DataFrame,
    losses: pd.DataFrame,
    method: str = "pearson",
    given: Sequence[str] = (),
    *,
    pooled: bool = False,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlation over prompts of `value` with the loss, a row per run, shuffle, layer and scale.

    `given` names columns of `losses` (such as `tokens`, `types`) that are held fixed; those that do
    not vary are left out, and the column `given` names the rest. Within one shuffle `p_value` is
    that of Student's t. With `pooled`, all shuffles are one sample and `shuffle` is −1: the six
    versions of a prompt are not independent, so there is no p value.

    Intervals are by a bootstrap over prompts, each with all its versions, the same prompts in every
    cell. Prompts without a value are left out (`prompts`, and `rows` with every version).
    """
    missing = set(given) - set(losses.columns)
    if missing:
        raise ValueError(f"given: the losses have no column {sorted(missing)}")
    found = [
        row
        for keys, sample in _samples(values, losses, given, pooled)
        for row in sample.rows(keys, method, draws, confidence, seed)
    ]
    columns = [*groups_of(values), "shuffle", *cells_of(values), "method", "given"]
    columns += ["value", "lower", "upper", "p_value", "prompts", "rows"]
    return pd.DataFrame(found, columns=columns)


def best_cells(correlations: pd.DataFrame) -> pd.DataFrame:
    """The row with the largest |correlation| over layers for every run, shuffle, scale or k.

    The largest of many correlations is too large by chance, and its interval does not know of the
    choice.
    """
    keys = [*groups_of(correlations), "shuffle", "method", "given"]
    keys += [name for name in cells_of(correlations) if "layer" not in name]
    size = correlations["value"].abs()
    there = size.notna()
    top = (
        size.loc[there].groupby([correlations.loc[there, key] for key in keys], sort=False).idxmax()
    )
    return correlations.loc[top].reset_index(drop=True)


class _Sample:
    """The prompts of one run and shuffle: a row per version, a column per layer and scale."""

    def __init__(self, table: pd.DataFrame, losses: pd.DataFrame, given: Sequence[str]) -> None:
        self.cells = [tuple(c) if isinstance(c, tuple) else (c,) for c in table.columns]
        self.names = list(table.columns.names)
        self.values = table.to_numpy(dtype=np.float64)
        self.prompts = table.index.get_level_values("prompt").to_numpy()
        self.loss = losses["value"].to_numpy(dtype=np.float64)
        self.given = [name for name in given if len(set(losses[name].dropna())) > 1]
        self.fixed = losses[self.given].to_numpy(dtype=np.float64)

    def rows(
        self, keys: Row, method: str, draws: int, confidence: float, seed: int
    ) -> Iterator[Row]:
        """A row of the table of correlations for each cell."""
        _, prompt = np.unique(self.prompts, return_inverse=True)
        weights = resamples(int(prompt.max()) + 1, draws, stream(seed, "prompts"))[prompt]
        known = np.isfinite(self.loss) & np.isfinite(self.fixed).all(axis=1)
        for cell, column in zip(self.cells, self.values.T, strict=True):
            kept = known & np.isfinite(column)
            rows, prompts = int(kept.sum()), len(np.unique(prompt[kept]))
            values = np.full(1 + draws, np.nan)
            if prompts > 2 + len(self.given):
                sample = column[kept], self.loss[kept], self.fixed[kept], weights[kept]
                values = resampled_correlations(*sample, method)
            correlation = Correlation(float(values[0]), values[1:], rows, prompts)
            lower, upper = correlation.interval(confidence)
            versions = rows > prompts
            yield {
                **keys,
                **dict(zip(self.names, cell, strict=True)),
                "method": method,
                "given": ", ".join(self.given),
                "value": correlation.value,
                "lower": lower,
                "upper": upper,
                "p_value": np.nan if versions else p_value(values[0], rows, len(self.given)),
                "prompts": prompts,
                "rows": rows,
            }


def _samples(
    values: pd.DataFrame, losses: pd.DataFrame, given: Sequence[str], pooled: bool
) -> Iterator[tuple[Row, _Sample]]:
    """Every run (and shuffle) with its sample; raises ValueError where a run has no losses."""
    groups = groups_of(values)
    by = groups if pooled else [*groups, "shuffle"]
    shared = [name for name in groups if name in losses.columns]
    loss = losses.set_index([*shared, "prompt", "shuffle"])[["value", *given]]
    if loss.index.has_duplicates:
        raise ValueError(f"losses: there are several for one {', '.join(loss.index.names)}")
    for names, part in values.groupby(by, sort=False):
        given_names = cast("tuple[Scalar, ...]", names if isinstance(names, tuple) else (names,))
        keys: Row = dict(zip(by, given_names, strict=True))
        wide = part.pivot(index=["prompt", "shuffle"], columns=cells_of(values), values="value")
        index = wide.index.to_frame(index=False)
        for name in reversed(shared):
            index.insert(0, name, keys[name])
        own: Any = loss.reindex(pd.MultiIndex.from_frame(index))
        if own["value"].isna().all():
            raise ValueError(f"losses: there are none for {keys}")
        yield ({**keys, "shuffle": POOLED} if pooled else keys), _Sample(wide, own, given)
