"""Block shuffles: a prompt cut into 4**S blocks of equal length, whose order is permuted.

S = 0 leaves the prompt as it is; S = 5 permutes the single tokens of a prompt of 1,024. The order
inside a block is kept (Viswanathan et al. 2025, arXiv 2501.10573).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lm_geometry.workspace.seeds import stream

Order = NDArray[np.int64]
PUBLISHED = range(6)  # every shuffle of the published runs, drawn one after the other


def block_orders(
    prompts: Sequence[int],
    shuffles: Sequence[int],
    seed: int,
    order: Literal["default", "paper"] = "default",
) -> dict[tuple[int, int], Order]:
    """The order of the blocks `[4**S]` of every (prompt, S); all models of a comparison share it.

    Each has a random stream of its own, so that neither the other prompts nor the other shuffles
    move it. With `paper` they are drawn as in the published code, prompt after prompt and S after
    S from one legacy numpy generator, which was not seeded there: results agree in distribution.
    """
    if order == "default":
        return {
            (prompt, shuffle): _own(seed, prompt, shuffle)
            for prompt in prompts
            for shuffle in shuffles
        }
    generator = np.random.RandomState(seed)  # as published
    levels = sorted({*PUBLISHED, *shuffles})
    drawn = {
        (prompt, level): generator.permutation(4**level).astype(np.int64)
        for prompt in prompts
        for level in levels
    }
    return {(prompt, shuffle): drawn[prompt, shuffle] for prompt in prompts for shuffle in shuffles}


def _own(seed: int, prompt: int, shuffle: int) -> Order:
    return stream(seed, "blocks", prompt, shuffle).permutation(4**shuffle)


def shuffled_positions(order: Order, tokens: int) -> NDArray[np.int64]:
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
