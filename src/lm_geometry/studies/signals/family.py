"""A family of training runs, as its module declares it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lm_geometry.signals.events import overfitted
from lm_geometry.studies.signals.observed import Training

Setting = Mapping[str, float]  # values of what a family varies, by name


@dataclass(frozen=True)
class Family:
    """Runs of one kind, in some of which an event comes.

    - `start` makes the training of a setting and a seed, which draws weights, order and division.
    - `varied` are the names of a setting, in the order in which runs are sorted.
    - `budget` in steps, the same for every run; every `every` steps something is measured.
    - `event` finds its step, or NaN, given steps `[steps]`, accuracies `[steps]`, held-out losses
      `[steps, units]` and whose units they are `[units]`.
    - `constants`: whatever else a run depends on, so that runs made otherwise are told apart.
    """

    name: str
    title: str
    happens: str
    varied: tuple[str, ...]
    budget: int
    every: int
    start: Callable[[Setting, int], Training]
    event: Callable[[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike], float]
    constants: Mapping[str, object]
    megabytes: float  # of the states that one run keeps

    @property
    def measured(self) -> list[int]:
        """The measured steps: 0, regular ones, the last."""
        return sorted({*range(0, self.budget + 1, self.every), self.budget})


def lasting_rise(
    steps: npt.ArrayLike,
    accuracies: npt.ArrayLike,
    losses: npt.ArrayLike,
    documents: npt.ArrayLike,
) -> float:
    """The event of both overfitting families: `signals.events.overfitted`, over documents."""
    return overfitted(steps, losses, np.asarray(documents))
