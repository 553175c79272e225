"""A shuffled prompt has the tokens of its text, blocks whole and in the order that was drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.outs.data_prep.shuffling import shuffled_positions


@given(blocks=st.sampled_from([1, 4, 16, 64]), length=st.integers(1, 5), random=st.randoms())
def test_blocks_move_and_stay_whole(blocks: int, length: int, random) -> None:
    order = np.array(random.sample(range(blocks), blocks))
    found = shuffled_positions(order, blocks * length).reshape(blocks, length)
    assert sorted(found.ravel().tolist()) == list(range(blocks * length))
    for block, place in zip(found, order, strict=True):
        assert block.tolist() == list(range(place * length, (place + 1) * length))


@pytest.mark.parametrize(("blocks", "tokens"), [(4, 6), (0, 4)])
def test_blocks_of_several_lengths_are_refused(blocks: int, tokens: int) -> None:
    with pytest.raises(ValueError, match=f"{tokens} tokens cannot be cut into {blocks} blocks"):
        shuffled_positions(np.arange(blocks), tokens)
