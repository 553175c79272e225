"""The probe set of a training and its control: read together, then estimated."""

from pathlib import Path

import pandas as pd
from torch import nn

from lm_geometry.measure.course import Word
from lm_geometry.measure.course_log import CourseLog
from lm_geometry.measure.estimates import States
from lm_geometry.measure.log import Values
from lm_geometry.measure.opened import Layers, Tokenizer
from lm_geometry.measure.options import Settings
from lm_geometry.measure.watch import Watch, read_start


class ProbeSets:
    """Texts, and as `control` others that share no document with them, by `prefix` of a log."""

    def __init__(
        self,
        texts: pd.DataFrame,
        control: pd.DataFrame | None,
        layers: Layers,
        settings: Settings,
        prefix: str,
    ) -> None:
        self.prefix = prefix
        self.half = settings.half
        self._watches = [Watch(texts, layers, settings, prefix)]
        if control is not None:
            self._watches.append(Watch(control, layers, settings, f"{prefix}/control"))
        self._said: Word = ""

    def read(self, model: nn.Module, tokenizer: Tokenizer) -> list[States]:
        """States of the model as it is now, of each set; raises ValueError as `measure`."""
        return [watch.read(model, tokenizer) for watch in self._watches]

    def values(self, states: list[States], step: int, log: Path | None) -> Values:
        """What they say at a step; what a resume needs is kept beside the `log`."""
        values: Values = {}
        for watch, own in zip(self._watches, states, strict=True):
            begun = watch.start is not None
            values |= watch.again(own, step) if begun else self._begin(watch, own, step, log)
        for control in self._watches[1:]:
            values |= self._watches[0].beyond(control)
        self._tell(step)
        return values

    def refuse_others(self, model: nn.Module, tokenizer: Tokenizer, log: Path) -> None:
        """Raises ValueError where texts, layers or settings are not those that a log began with."""
        for watch in self._watches:
            watch.refuse_other(model, tokenizer, read_start(self._place(watch, log)))

    def forget_after(self, step: int, log: Path) -> None:
        """Forget what was said after a step from which a training goes on."""
        for watch in self._watches:
            self._course_log(self._place(watch, log)).begin(step + 1)

    def _place(self, watch: Watch, log: Path) -> Path:
        """Where the start of one of the sets is kept, beside the log."""
        name = "control" if watch is not self._watches[0] else "start"
        return log.with_suffix(f".{name}.json")

    def _course_log(self, place: Path) -> CourseLog:
        return CourseLog(place.with_suffix(".course.jsonl"))

    def _begin(self, watch: Watch, states: States, step: int, log: Path | None) -> Values:
        place = self._place(watch, log) if log is not None else None
        start = read_start(place) if place is not None and step > 0 else None
        if place is not None:
            watch.course_log = self._course_log(place)
        values = watch.begin(states, step, start)
        self._said = self._watches[0].course.word
        if place is not None and watch.start is not None:
            watch.start.write(place)
        return values

    def _tell(self, step: int) -> None:
        """Say which way the first dimension goes, where that is another than before."""
        course = self._watches[0].course
        if course.word != self._said:
            print(f"{self.prefix}: {course.word} at step {step}", flush=True)
            self._said = course.word
