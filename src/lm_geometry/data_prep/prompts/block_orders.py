"""The draw of block orders: how the blocks of each shuffled prompt are permuted."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lm_geometry.outs.data_prep.shuffling import Order
from lm_geometry.workspace.seeds import stream

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
