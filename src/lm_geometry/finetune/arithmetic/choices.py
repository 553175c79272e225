"""`random.Random.choice` for whole batches at once, number by number the same."""

import random
from typing import Any, TypedDict

import numpy as np

from lm_geometry.point_cloud.shapes import Int64, UInt64


class State(TypedDict):
    """A Mersenne Twister: its words, its place in them, and words that were read too early."""

    key: list[int]
    position: int
    left: list[int]


class Choices:
    """The draws that a generator would make next: the same Mersenne Twister, read by numpy.

    `random.Random.choice` takes the highest bits of a 32-bit word, as many as the count has, and
    tries the next word while the number is too large.
    """

    left: UInt64[np.ndarray, "words"]  # that were read and not used

    def __init__(self, generator: random.Random) -> None:
        _, internal, _ = generator.getstate()
        self.twister = np.random.MT19937()
        self.restore({"key": list(internal[:-1]), "position": internal[-1], "left": []})

    def below(self, count: int, draws: int) -> Int64[np.ndarray, "draws"]:
        """`draws` numbers below `count`, as so many calls of `choice(range(count))` give them."""
        shift = np.uint64(32 - count.bit_length())
        while True:
            numbers = self.left >> shift
            accepted = np.flatnonzero(numbers < count)
            if len(accepted) >= draws:
                break
            more = self.twister.random_raw(4 * (draws - len(accepted)))
            self.left = np.concatenate([self.left, more])
        used = accepted[:draws]
        self.left = self.left[used[-1] + 1 :]
        return numbers[used].astype(np.int64)

    def state(self) -> State:
        """The generator and the words that were read from it too early."""
        inner = self.twister.state["state"]
        key = inner["key"].tolist()
        return {"key": key, "position": int(inner["pos"]), "left": self.left.tolist()}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        key = np.array(state["key"], dtype=np.uint32)
        inner = {"key": key, "pos": state["position"]}
        whole: Any = {"bit_generator": "MT19937", "state": inner}  # numpy's stub has the inner one
        self.twister.state = whole
        self.left = np.array(state["left"], dtype=np.uint64)
