"""Reads signals at one training step after another; what look back see no step to come."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.registry import signal_named, signals
from lm_geometry.signals.training_step import HAS, TrainingStep


class Reader:
    """The signals `names` (all, where none are given) of a run, step by step.

    `read` gives those whose needs the step has. A signal that looks back is read where all that it
    looks at is there now, and sees the steps that had all of it. What is looked back at is kept:
    numbers, and `example_losses`, nothing larger. A reader is of one run.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        chosen = signals().values() if names is None else [signal_named(name) for name in names]
        self._signals = list(chosen)
        looked_at = {name for signal in self._signals for name in signal.past}
        also = [signal_named(name) for name in sorted(looked_at - set(HAS))]
        self._read_first = list({one.name: one for one in [*chosen, *also]}.values())
        self._past: dict[str, dict[str, list[Any]]] = {
            signal.name: defaultdict(list) for signal in self._signals if signal.past
        }
        self._last: int | None = None

    def read(self, step: TrainingStep) -> dict[str, float]:
        """The values at this step by name; raises ValueError where a step does not come later."""
        if self._last is not None and step.step <= self._last:
            raise ValueError(f"step is {step.step}; it must come after the last, {self._last}")
        self._last = step.step
        now: dict[str, Any] = {
            signal.name: signal.function(**{need: getattr(step, need) for need in signal.needs})
            for signal in self._read_first
            if not signal.past and _there(step, signal.needs)
        }
        found = {signal.name: now[signal.name] for signal in self._signals if signal.name in now}
        for signal in (one for one in self._signals if one.past):
            seen = {name: now.get(name, getattr(step, name, None)) for name in signal.past}
            if all(value is not None for value in seen.values()) and _there(step, signal.needs):
                kept = self._past[signal.name]
                for name, value in seen.items():
                    kept[name].append(value)
                found[signal.name] = signal.function(
                    **{need: getattr(step, need) for need in signal.needs},
                    **{name: np.asarray(values) for name, values in kept.items()},
                )
        return found


def looked_back(signal: Signal, series: Mapping[str, ArrayLike]) -> Float64[np.ndarray, "steps"]:
    """A signal that looks back, at every step of a run that is over, `[steps]`.

    `series` has what it looks at, `[steps, …]` each. The value at a step is of the steps up to it
    alone, as `Reader` would have read it. Raises ValueError for a signal that needs more than its
    past, for a missing series, and for series of different lengths.
    """
    if signal.needs or not signal.past:
        raise ValueError(f"{signal.name} needs more than its past: read it step by step")
    if missing := [name for name in signal.past if name not in series]:
        raise ValueError(f"series has no {', '.join(missing)}, which {signal.name} looks back at")
    seen = {name: np.asarray(series[name], dtype=np.float64) for name in signal.past}
    lengths = {name: len(values) for name, values in seen.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"series are of different lengths: {lengths}")
    steps = next(iter(lengths.values()))
    return np.array(
        [
            signal.function(**{name: values[: end + 1] for name, values in seen.items()})
            for end in range(steps)
        ],
        dtype=np.float64,
    )


def _there(step: TrainingStep, needs: Iterable[str]) -> bool:
    return all(getattr(step, need) is not None for need in needs)
