"""How the mean local dimension changed since base, and how much more than on a control corpus."""

from typing import Any

import pandas as pd

from lm_geometry.aggregation.means import summary
from lm_geometry.checkpoints import BASE
from lm_geometry.statistics import Mean, clustered_mean

Key = tuple[str, int, str, float, str]  # split, layer, estimator, n_neighbors, checkpoint
TOKEN = ["sampling_seed", "row"]


def changes(table: pd.DataFrame) -> dict[Key, Mean]:
    """Mean change since base of each cell of a (corpus split, layer), over paired tokens.

    A token counts where both clouds kept it and both of its estimates are defined.
    """
    found: dict[Key, Mean] = {}
    cells: Any = table.groupby(["split", "layer", "estimator", "n_neighbors"], sort=False)
    for keys, cell in cells:
        base = cell[cell["checkpoint"] == BASE].set_index(TOKEN)["value"]
        for checkpoint, later in cell[cell["checkpoint"] != BASE].groupby("checkpoint", sort=False):
            change = later["value"].to_numpy() - base.reindex(_tokens(later)).to_numpy()
            mean = clustered_mean(change, later["document"].to_numpy())
            found[(*keys, str(checkpoint))] = mean
    return found


def _tokens(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([table[name] for name in TOKEN])


def change_rows(by_corpus: dict[str, dict[Key, Mean]], confidence: float) -> list[dict[str, Any]]:
    """A row per (corpus, cell): the change since base."""
    return [
        {"corpus": corpus} | _columns(key) | summary(mean, confidence)
        for corpus, means in by_corpus.items()
        for key, mean in means.items()
    ]


def difference_rows(
    by_corpus: dict[str, dict[Key, Mean]], fine_tuned: str, confidence: float
) -> list[dict[str, Any]]:
    """A row per (control corpus, cell): change on the fine-tuned corpus minus that on the control.

    The two corpora have different documents, so their changes are independent.
    """
    if fine_tuned not in by_corpus:
        return []
    own = by_corpus[fine_tuned]
    return [
        {"corpus": fine_tuned, "control": control}
        | _columns(key)
        | summary(own[key] - means[key], confidence)
        for control, means in by_corpus.items()
        if control != fine_tuned
        for key in means
        if key in own
    ]


def _columns(key: Key) -> dict[str, Any]:
    names = ("split", "layer", "estimator", "n_neighbors", "checkpoint")
    return dict(zip(names, key, strict=True))
