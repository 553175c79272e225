"""How estimates changed since base, and how much more than on a control corpus."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import CELL, ESTIMATE, OF_TOKENS, Weight, mean_of, summary
from lm_geometry.outs.estimate.clouds import without_columns
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.statistics import (
    Mean,
    adjusted_p_values,
    standardised_by_documents,
    standardised_by_tokens,
)
from lm_geometry.workspace.tables import Row, Scalar

KEYS = [name for name in ESTIMATE if name != "corpus"]
Key = tuple[Scalar, ...]  # of KEYS, None where there is none
TOKEN = ["sampling_seed", "row"]


@dataclass(frozen=True)
class Change:
    """Mean paired change of a cell since base, and its size in units of two spreads."""

    mean: Mean
    by_documents: float
    by_tokens: float


def key_of(row: Row) -> Key:
    """The key of a row's cell; two with the same missing values are equal."""
    values = (row[name] for name in KEYS)
    return tuple(None if isinstance(v, float) and math.isnan(v) else v for v in values)


def changes(table: pd.DataFrame, weight: Weight = "tokens") -> dict[Key, Change]:
    """Mean change since base of each cell of a (corpus split, layer), over paired tokens.

    A token counts where both clouds kept it and both of its estimates are defined.
    """
    found: dict[Key, Change] = {}
    names = [name for name in CELL if name not in ("corpus", "checkpoint")]
    for keys, cell in cells(table, names):
        base = cell.loc[cell["checkpoint"] == BASE].set_index(TOKEN)
        trained = cell.loc[cell["checkpoint"] != BASE]
        for checkpoint, later in trained.groupby("checkpoint", sort=False):
            named = dict(zip(names, keys, strict=True)) | OF_TOKENS
            key = key_of(named | {"checkpoint": str(checkpoint)})
            found[key] = _change(base, later, weight)
    return found


def _change(base: pd.DataFrame, later: pd.DataFrame, weight: Weight) -> Change:
    tokens = pd.MultiIndex.from_arrays([later[name] for name in TOKEN])
    columns = ["value", *without_columns(later)]
    before = base[columns].reindex(tokens).to_numpy(np.float64)
    after = later[columns].to_numpy(np.float64)
    change = after - before
    documents = later["document"].to_numpy()
    mean = mean_of(change[:, 0], change[:, 1:], later, weight)
    return Change(
        mean,
        standardised_by_documents(change[:, 0], documents, mean.value),
        standardised_by_tokens(before[:, 0], after[:, 0], mean.value),
    )


def change_rows(by_corpus: dict[str, dict[Key, Change]], confidence: float) -> list[Row]:
    """A row per (corpus, cell): the change since base."""
    rows = [
        {"corpus": corpus}
        | columns_of(key)
        | summary(change.mean, confidence)
        | {"p_value": change.mean.p_value()}
        | {"standardised_by_documents": change.by_documents}
        | {"standardised_by_tokens": change.by_tokens}
        for corpus, found in by_corpus.items()
        for key, change in found.items()
    ]
    return adjusted_over_layers(rows)


def difference_rows(
    by_corpus: dict[str, dict[Key, Change]], fine_tuned: str, confidence: float
) -> list[Row]:
    """A row per (control corpus, cell): change on the fine-tuned corpus minus that on the control.

    The two corpora have different documents, so their changes are independent.
    """
    if fine_tuned not in by_corpus:
        return []
    own = by_corpus[fine_tuned]
    rows = []
    for control, found in by_corpus.items():
        for key in found if control != fine_tuned else {}:
            if key in own:
                difference = own[key].mean - found[key].mean
                names = {"corpus": fine_tuned, "control": control} | columns_of(key)
                counted = summary(difference, confidence) | {"p_value": difference.p_value()}
                rows.append(names | counted)
    return adjusted_over_layers(rows)


def adjusted_over_layers(rows: list[Row]) -> list[Row]:
    """The same rows with `adjusted_p_value`: Benjamini-Hochberg over the layers of each family.

    A family are the rows that differ in their layer alone: one corpus (and control), split,
    checkpoint, reading, estimator, neighbourhood size and scale.
    """
    if not rows:
        return []
    table = pd.DataFrame(rows)
    family = [name for name in ("control", *ESTIMATE) if name in table and name != "layer"]
    p_values = table.groupby(family, sort=False, dropna=False)["p_value"]
    adjusted = p_values.transform(adjusted_p_values)
    return [row | {"adjusted_p_value": p} for row, p in zip(rows, adjusted, strict=True)]


def columns_of(key: Key) -> Row:
    """The columns that a key is of; inverse of `key_of`."""
    return {name: np.nan if value is None else value for name, value in zip(KEYS, key, strict=True)}
