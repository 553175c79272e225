"""Block shuffles: a prompt cut into 4**S blocks of equal length, whose order is permuted.

S = 0 leaves the prompt as it is; S = 5 permutes the single tokens of a prompt of 1,024. The order
inside a block is kept (Viswanathan et al. 2025, arXiv 2501.10573).
"""

import numpy as np

from lm_geometry.point_cloud.shapes import Int64

Order = Int64[np.ndarray, "blocks"]


def shuffled_positions(order: Order, tokens: int) -> Int64[np.ndarray, "tokens"]:
    """For each position of the shuffled prompt, its position in the text, int64 `[tokens]`.

    `ids[shuffled_positions(order, len(ids))]` is the shuffled prompt. Raises ValueError where the
    prompt cannot be cut into `len(order)` blocks of equal length.
    """
    blocks = len(order)
    if blocks == 0 or tokens % blocks:
        raise ValueError(
            f"tokens: {tokens} tokens cannot be cut into {blocks} blocks of one length"
        )
    length = tokens // blocks
    return (np.asarray(order)[:, None] * length + np.arange(length)).ravel()
