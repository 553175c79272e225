"""Which tokens of a corpus split are massive at any checkpoint and layer that is compared."""

from collections.abc import Iterable

import numpy as np

from lm_geometry.observables.massive import massive_tokens
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.token_sample.point_states import read_point_states
from lm_geometry.point_cloud.shapes import Float32, Int64


def massive_rows(
    embedded: Embedded, split: CorpusSplit, factor: float
) -> Int64[np.ndarray, "massive"]:
    """Rows of the split's point states that are `massive_anywhere` on disk, ascending."""
    states = (
        read_point_states(checkpoint, split, layer)
        for checkpoint in embedded.checkpoints
        for layer in embedded.layers
    )
    return massive_anywhere(states, factor)


def massive_anywhere(
    states: Iterable[Float32[np.ndarray, "tokens width"]], factor: float
) -> Int64[np.ndarray, "massive"]:
    """Rows whose norm is beyond `factor` medians in one of the `states`, ascending.

    The median is that of all rows at one checkpoint and layer. Massive tokens come and go with
    training, and the final norm hides them: one that is massive anywhere is left out everywhere,
    so that clouds keep the same tokens.
    """
    return np.unique(np.concatenate([massive_tokens(one, factor) for one in states]))


def without_massive(
    rows: Int64[np.ndarray, "rows"], massive: Int64[np.ndarray, "massive"], name: str
) -> Int64[np.ndarray, "kept"]:
    """`rows` without the massive ones of the split `name`; prints how many these are.

    Raises ValueError where nothing is left.
    """
    kept = np.setdiff1d(rows, massive)
    left_out = len(rows) - len(kept)
    print(
        f"{name}: massive tokens: {len(massive):,}; left out of all clouds: {left_out:,}; "
        f"dropped or masked anyway: {len(massive) - left_out:,}",
        flush=True,
    )
    if not len(kept):
        raise ValueError("token_sample.drop leaves no token: all are massive somewhere")
    return kept
