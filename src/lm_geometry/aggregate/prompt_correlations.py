"""How far the geometry of prompts tells their loss, layer by layer."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from lm_geometry.aggregate.params import Bootstrap
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, groups_of, rows_where
from lm_geometry.token_geometry.loss_correlations import loss_correlations

FEWEST = 10  # prompts; a correlation of fewer says next to nothing
SIZES = (1, 2, 4, 8, 16, 31)  # k of the overlaps that are correlated
METHODS = ("pearson", "spearman")
CONTROLS = ("tokens", "types")  # held fixed in partial correlations, as far as they vary
COLUMNS = [
    *("model", "checkpoint", "corpus", "split", "quantity", "shuffle", "layer", "scale", "k"),
    *("method", "given", "value", "lower", "upper", "p_value", "prompts", "rows", "missing"),
]


def prompt_correlations(
    geometry: GeometryTables, resampling: Bootstrap, confidence: float
) -> pd.DataFrame:
    """Correlations of dimension, overlap, cosine and angle with the loss of the same prompts.

    A row per checkpoint, quantity, layer and scale or k: Pearson's and Spearman's, within each
    shuffle and pooled over all (`shuffle` −1), as they are and `given` the length and the number of
    different tokens, where these vary. Intervals are by `resampling` of prompts.

    `missing` says why a row has no value. Where a shuffle has fewer than `FEWEST` prompts with a
    loss, a single row without layer says so for each quantity.
    """
    parts = [
        table.assign(quantity=quantity)
        for quantity, values in _quantities(geometry).items()
        for table in _of_quantity(values, geometry.loss, resampling, confidence)
    ]
    tables = [table.reindex(columns=COLUMNS) for table in parts]
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    numbers = dict.fromkeys(["layer", "scale", "k", "value", "lower", "upper", "p_value"], float)
    return pd.concat([table.astype(numbers) for table in tables], ignore_index=True)


def _quantities(geometry: GeometryTables) -> dict[str, pd.DataFrame]:
    found = {
        "dimension": geometry.dimension,
        "overlap": rows_where(geometry.overlap, k=list(SIZES)),
        "cosine": geometry.cosine,
        "angle": geometry.angle,
    }
    return {name: values for name, values in found.items() if len(values)}


def _of_quantity(
    values: pd.DataFrame, losses: pd.DataFrame, resampling: Bootstrap, confidence: float
) -> Iterator[pd.DataFrame]:
    """Tables within each shuffle and over all; the reason where there are too few prompts."""
    known = losses.dropna(subset=["value"])
    keys = [*groups_of(values), "shuffle"]
    counts = known.groupby(keys)["prompt"].nunique()
    there = values.loc[:, keys].drop_duplicates()
    numbers = [int(counts.get(tuple(row), 0) or 0) for row in there.to_numpy()]
    for row, prompts in zip(there.to_dict("records"), numbers, strict=True):
        if prompts < FEWEST:
            yield pd.DataFrame([_too_few(row, prompts)])
    chosen = values.merge(there.loc[[prompts >= FEWEST for prompts in numbers]], on=keys)
    if chosen.empty:
        return
    controls = [name for name in CONTROLS if name in known]
    pooled = (False, True) if len(set(chosen["shuffle"])) > 1 else (False,)
    for method, given, over_all in product(METHODS, ([], controls), pooled):
        found = loss_correlations(
            *(chosen, known, method, given),
            pooled=over_all,
            draws=resampling.draws,
            confidence=confidence,
            seed=resampling.seed,
        )
        # Where no control varies, the rows would be there twice.
        yield _with_reasons(found.loc[found["given"] != ""] if given else found)


def _too_few(keys: dict[Any, Any], prompts: int) -> dict[Any, Any]:
    reason = f"{prompts} prompts with a loss; a correlation needs {FEWEST}"
    return (
        keys
        | {"method": "", "given": "", "prompts": prompts, "rows": prompts}
        | {"missing": reason}
    )


def _with_reasons(found: pd.DataFrame) -> pd.DataFrame:
    """The rows, without values of too few prompts, and why a value or an interval is missing."""
    few = found["prompts"] < FEWEST
    results = ["value", "lower", "upper", "p_value"]
    kept = found.assign(**{name: found[name].mask(few) for name in results})
    reason = pd.Series("", index=found.index)
    reason = reason.mask(kept["lower"].isna(), "no interval: too few resamples vary")
    reason = reason.mask(kept["value"].isna(), "nothing varies")
    told = found["prompts"].astype(str) + f" prompts with a value; a correlation needs {FEWEST}"
    return kept.assign(missing=reason.mask(few, told))
