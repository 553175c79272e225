"""The values of all signals at the measured steps of one run, and the seconds that each took."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals import Reader, Signal, TrainingStep, looked_back, signal_named, signals
from lm_geometry.signals.training_step import HAS
from lm_geometry.studies.signals.kept_run import KEPT, KeptRun
from lm_geometry.studies.signals.observed import Observation

GRAPH = "neighbours"  # what signals of neighbours share, with seconds of its own


class Readings:
    """Reads signals step by step, each by a reader of its own, so that each has its seconds.

    Signals that take `sequences` see the tokens of whole texts, the others distinct tokens alone.
    NaN stands for a value that later states do not have, such as that of gradients which are all 0;
    a signal that raises at the first step has been given what it cannot take, and ends the run.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        chosen = list(signals()) if names is None else list(names)
        self._readers = {name: Reader([name]) for name in chosen}
        self._whole = {name for name in chosen if "sequences" in signal_named(name).needs}
        self._first: Observation | None = None
        self._before: Observation | None = None
        self.values: list[dict[str, float]] = []
        self.seconds: dict[str, float] = defaultdict(float)

    def read(self, kept: KeptRun, seen: Observation | None = None) -> dict[str, float]:
        """The values at the next measured step of what is kept; with what else was `seen` of it."""
        place = len(self.values)
        steps = {True: kept.training_step(place, True), False: self._distinct(kept, place, seen)}
        began = time.process_time()
        _ = steps[False].neighbours
        self.seconds[GRAPH] += time.process_time() - began
        found: dict[str, float] = {}
        for name, reader in self._readers.items():
            began = time.process_time()
            try:
                found |= reader.read(steps[name in self._whole])
            except ValueError:
                if not place:
                    raise  # of the untrained model every signal has a value
                found[name] = float("nan")
            self.seconds[name] += time.process_time() - began
        self.values.append(found)
        return found

    def _distinct(self, kept: KeptRun, place: int, seen: Observation | None) -> TrainingStep:
        """The step of distinct tokens, with all that was seen of it."""
        step = kept.training_step(place, whole=False)
        if seen is None:
            return step
        self._first, before = self._first or seen, self._before
        self._before = seen
        return replace(
            step,
            activations=seen.activations[kept.distinct],
            weights=seen.weights,
            base_weights=self._first.weights,
            gradients=seen.gradients,
            previous_gradients=None if before is None else before.gradients,
            example_gradients=seen.example_gradients,
        )


def can_be_read_again(signal: Signal) -> bool:
    """Whether what is kept of a run, and the table of its values, have all that a signal takes."""
    fields = [*signal.needs, *(name for name in signal.past if name in HAS)]
    others = [name for name in signal.past if name not in HAS] if signal.needs else []
    return set(fields) <= set(KEPT) and all(can_be_read_again(signal_named(o)) for o in others)


def read_again(
    names: Iterable[str], kept: KeptRun, table: Mapping[str, Float64[np.ndarray, "steps"]]
) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Values of signals at every measured step of a kept run, and the seconds of each.

    `table` has the values `[steps]` that stand already, at which a signal may look back. Raises
    ValueError for a signal that needs more than is kept.
    """
    there = [signal_named(name) for name in names]
    if wrong := [signal.name for signal in there if not can_be_read_again(signal)]:
        raise ValueError(f"{', '.join(wrong)}: what is kept of a run does not have what they need")
    looking = [s for s in there if not s.needs and all(name in table for name in s.past)]
    readings = Readings([signal.name for signal in there if signal not in looking])
    rows = [dict(readings.read(kept)) for _ in kept.steps]
    for signal in looking:
        began = time.process_time()
        for row, value in zip(rows, looked_back(signal, table), strict=True):
            row[signal.name] = float(value)
        readings.seconds[signal.name] += time.process_time() - began
    return rows, dict(readings.seconds)
