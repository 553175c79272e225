"""How the mean local dimension changed since base, and how much more than on a control corpus."""

from dataclasses import dataclass

import pandas as pd

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.aggregate.means import mean_of, summary
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.statistics import (
    Mean,
    adjusted_p_values,
    standardised_by_documents,
    standardised_by_tokens,
)
from lm_geometry.workspace.tables import Row

Key = tuple[str, int, str, float, str]  # split, layer, estimator, n_neighbors, checkpoint
TOKEN = ["sampling_seed", "row"]


@dataclass(frozen=True)
class Change:
    """Mean paired change of a cell since base, and its size in units of two spreads."""

    mean: Mean
    by_documents: float
    by_tokens: float


def changes(table: pd.DataFrame) -> dict[Key, Change]:
    """Mean change since base of each cell of a (corpus split, layer), over paired tokens.

    A token counts where both clouds kept it and both of its estimates are defined.
    """
    found: dict[Key, Change] = {}
    for keys, cell in cells(table, ["split", "layer", "estimator", "n_neighbors"]):
        base = cell.loc[cell["checkpoint"] == BASE].set_index(TOKEN)
        trained = cell.loc[cell["checkpoint"] != BASE]
        for checkpoint, later in trained.groupby("checkpoint", sort=False):
            split, layer, estimator, size = keys
            found[split, layer, estimator, size, str(checkpoint)] = _change(base, later)
    return found


def _change(base: pd.DataFrame, later: pd.DataFrame) -> Change:
    tokens = pd.MultiIndex.from_arrays([later[name] for name in TOKEN])
    before, after = base["value"].reindex(tokens).to_numpy(), later["value"].to_numpy()
    change = after - before
    return Change(
        mean_of(change, later),
        standardised_by_documents(change, later["document"].to_numpy()),
        standardised_by_tokens(before, after),
    )


def change_rows(by_corpus: dict[str, dict[Key, Change]], confidence: float) -> list[Row]:
    """A row per (corpus, cell): the change since base."""
    rows = [
        {"corpus": corpus}
        | _columns(key)
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
                names = {"corpus": fine_tuned, "control": control} | _columns(key)
                counted = summary(difference, confidence) | {"p_value": difference.p_value()}
                rows.append(names | counted)
    return adjusted_over_layers(rows)


def adjusted_over_layers(rows: list[Row]) -> list[Row]:
    """The same rows with `adjusted_p_value`: Benjamini-Hochberg over the layers of each family.

    A family are the rows that differ in their layer alone: one corpus (and control), split,
    checkpoint, estimator and neighbourhood size.
    """
    if not rows:
        return []
    table = pd.DataFrame(rows)
    named = ("corpus", "control", "split", "checkpoint", "estimator", "n_neighbors")
    family = [name for name in named if name in table]
    adjusted = table.groupby(family, sort=False)["p_value"].transform(adjusted_p_values)
    return [row | {"adjusted_p_value": p} for row, p in zip(rows, adjusted, strict=True)]


def _columns(key: Key) -> Row:
    names = ("split", "layer", "estimator", "n_neighbors", "checkpoint")
    return dict(zip(names, key, strict=True))
