"""Which tokens of a prompt count as neighbours: all others, or those outside a window (Theiler).

States of positions that follow each other are not independent: what is near in the text is near in
space. J. Theiler 1986, Physical Review A 34:2427, left such pairs of a time series out.
"""

from typing import NamedTuple

import numpy as np

from lm_geometry.point_cloud.shapes import Int64


class Places(NamedTuple):
    """Where some tokens of a prompt stand, ascending, and how many others count for each."""

    positions: Int64[np.ndarray, "tokens"]
    counted: Int64[np.ndarray, "tokens"]
    window: int  # positions nearer than this do not count; at least 1, a token itself

    @property
    def reach(self) -> int:
        """How many neighbours every token has at least: the largest rank that all lists have."""
        return int(self.counted.min())


def places(positions: Int64[np.ndarray, "tokens"], window: int) -> Places:
    """The places of tokens, of which those with |i − j| < window do not count for each other."""
    window = max(window, 1)
    before = np.searchsorted(positions, positions - window, side="right")
    after = len(positions) - np.searchsorted(positions, positions + window)
    return Places(positions, before + after, window)
