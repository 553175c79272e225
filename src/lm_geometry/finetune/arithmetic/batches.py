"""Which equations each training step sees: three orders, each of which can be saved and resumed."""

from abc import ABC, abstractmethod
from typing import TypedDict

import numpy as np

from lm_geometry.finetune.arithmetic.choices import Choices, State
from lm_geometry.models.arithmetic.equations import DividedEquations, shuffled
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.workspace.seeds import stream

EVALUATED_EVERY = 10  # steps, in the published loop
EVALUATION_DRAWS = 9  # batches: eight are evaluated, and one more is drawn before the loop ends


class Place(TypedDict):
    """Where a sequence of batches stands: steps taken, and its generator where it draws."""

    step: int
    choices: State | None


class Batches(ABC):
    """A sequence of batches of row numbers into the training equations."""

    size: int  # equations in a batch

    @abstractmethod
    def take(self, steps: int) -> Int64[np.ndarray, "steps size"]:
        """Row numbers `[steps, size]` of the next `steps` batches."""

    @abstractmethod
    def state(self) -> Place:
        """Where the sequence stands, as plain values."""

    @abstractmethod
    def restore(self, state: Place) -> None:
        """Go on from what `state` returned."""


class WithReplacement(Batches):
    """Batches drawn with replacement by the generator that divided the equations, as published.

    The published loop draws its validation batches from the same generator every ten steps, which
    moves all later training batches; these draws are made here as well, and thrown away.
    """

    def __init__(self, equations: DividedEquations, size: int) -> None:
        self.size = size
        self.counts = len(equations.train), len(equations.validation)
        self.step = 0
        self.choices = Choices(shuffled(sum(self.counts), equations.seed)[1])

    def take(self, steps: int) -> Int64[np.ndarray, "steps size"]:
        found = np.empty((steps, self.size), dtype=np.int64)
        for row in found:
            row[:] = self.choices.below(self.counts[0], self.size)
            self.step += 1
            if self.step % EVALUATED_EVERY == 0:
                self.choices.below(self.counts[1], EVALUATION_DRAWS * self.size)
        return found

    def state(self) -> Place:
        return {"step": self.step, "choices": self.choices.state()}

    def restore(self, state: Place) -> None:
        assert state["choices"] is not None
        self.step = state["step"]
        self.choices.restore(state["choices"])


class Epochs(Batches):
    """Batches cut from shuffled epochs that follow each other; a batch may span two of them."""

    def __init__(self, count: int, size: int, seed: int) -> None:
        self.count, self.size, self.seed = count, size, seed
        self.step = 0

    def take(self, steps: int) -> Int64[np.ndarray, "steps size"]:
        start, stop = self.step * self.size, (self.step + steps) * self.size
        self.step += steps
        first = start // self.count
        epochs = [
            stream(self.seed, "epoch", epoch).permutation(self.count)
            for epoch in range(first, -(-stop // self.count))
        ]
        offset = first * self.count
        return np.concatenate(epochs)[start - offset : stop - offset].reshape(steps, self.size)

    def state(self) -> Place:
        return {"step": self.step, "choices": None}

    def restore(self, state: Place) -> None:
        self.step = state["step"]


class FullBatch(Batches):
    """Every training equation at every step."""

    def __init__(self, count: int) -> None:
        self.size = count

    def take(self, steps: int) -> Int64[np.ndarray, "steps size"]:
        return np.broadcast_to(np.arange(self.size), (steps, self.size))

    def state(self) -> Place:
        return {"step": 0, "choices": None}

    def restore(self, state: Place) -> None:
        """There is nothing to go on from."""


def make_batches(kind: str, equations: DividedEquations, size: int, seed: int) -> Batches:
    """The batches of `finetune.arithmetic.batches`; `seed` orders epochs."""
    if kind == "replacement":
        return WithReplacement(equations, size)
    count = len(equations.train)
    return Epochs(count, size, seed) if kind == "epochs" else FullBatch(count)
