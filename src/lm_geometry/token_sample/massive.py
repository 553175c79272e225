"""Which tokens of a corpus split are massive at any checkpoint and layer that is compared."""

import numpy as np

from lm_geometry.observables.massive import massive_tokens
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded, read_states
from lm_geometry.point_cloud.shapes import Int64


def massive_rows(
    embedded: Embedded, split: CorpusSplit, factor: float
) -> Int64[np.ndarray, "massive"]:
    """Rows of the split's token table whose norm is beyond `factor` medians somewhere, ascending.

    The median is that of all rows of the split at one checkpoint and layer. Massive tokens come and
    go with training, and the final norm hides them: one that is massive anywhere is left out
    everywhere, so that clouds keep the same tokens.
    """
    found = [
        massive_tokens(read_states(checkpoint, split, layer), factor)
        for checkpoint in embedded.checkpoints
        for layer in embedded.layers
    ]
    return np.unique(np.concatenate(found))


def without_massive(
    rows: Int64[np.ndarray, "rows"], massive: Int64[np.ndarray, "massive"], name: str
) -> Int64[np.ndarray, "kept"]:
    """`rows` without the massive ones of the split `name`; prints how many these are.

    Raises ValueError where nothing is left.
    """
    kept = np.setdiff1d(rows, massive)
    left_out = len(rows) - len(kept)
    others = len(massive) - left_out
    print(
        f"{name}: {len(massive):,} massive tokens; {left_out:,} are left out of all clouds"
        + (f", {others:,} are dropped or masked anyway" if others else ""),
        flush=True,
    )
    if not len(kept):
        raise ValueError("token_sample.drop leaves no token: all are massive somewhere")
    return kept
