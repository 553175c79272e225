"""What a signal declares: what it needs, whose labels it uses, what it costs, and its function."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lm_geometry.signals.training_step import HAS

Labels = Literal["none", "training", "held_out"]
Rule = Literal["cusum", "level"]
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Signal:
    """One number of a training step, which may tell of an event before it comes.

    A module of `of_states`, `of_weights`, `of_gradients` or `of_losses` that has a value of this
    class has declared it: `signals()` finds it, and whatever goes through all signals takes it.

    - `function` is called with what it `needs` by name, fields of `TrainingStep` as they are now,
      and with the `past` by name: all values so far, the present one last, `[steps, …]`, of fields
      and of signals that have no past themselves. It returns NaN while its past is too short, and
      raises ValueError for input that is wrong.
    - `labels` tells whose it uses: "none" (states of unlabelled texts, weights), "training" (the
      losses and gradients that training has), "held_out". Compare signals within a class only.
    - `range`: no value lies outside, both ends included.
    - `rule` is what an alarm is made from: "cusum", its changes, or "level", the value itself,
      where the signal is a criterion by its own definition; `published` is then its threshold.
    """

    name: str
    function: Callable[..., float]
    labels: Labels
    source: str
    cost: str
    needs: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    range: tuple[float, float] = (-math.inf, math.inf)
    rule: Rule = "cusum"
    published: float | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name is {self.name!r}; a signal's name has a-z, 0-9 and _ alone")
        if unknown := [need for need in self.needs if need not in HAS]:
            there = ", ".join(HAS)
            raise ValueError(f"{self.name} needs {unknown}; a training step has {there}")
        if not (self.needs or self.past):
            raise ValueError(f"{self.name} needs nothing of a training step, and can tell nothing")
        if self.labels not in ("none", "training", "held_out"):
            raise ValueError(f"{self.name}: labels is {self.labels!r}; none, training or held_out")
        if not self.range[0] < self.range[1]:
            raise ValueError(f"{self.name}: range is {self.range}; the lower end comes first")
        if self.published is not None and self.rule != "level":
            raise ValueError(f"{self.name}: a published threshold is one of the level")
