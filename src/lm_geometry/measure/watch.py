"""The same tokens of a model in training, measured again and again."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from lm_geometry.aggregate.differences import KEYS, Change, Key, changes
from lm_geometry.aggregate.means import mean_rows, summary
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.measure.course import NUMBERS, Course
from lm_geometry.measure.course_log import CourseLog
from lm_geometry.measure.estimates import (
    Drawn,
    Estimated,
    Massive,
    Probe,
    States,
    drawn_rows,
    estimated,
    massive_of,
    probe_of,
    states_of,
)
from lm_geometry.measure.inner import unwrapped
from lm_geometry.measure.log import Values, named
from lm_geometry.measure.opened import Layers, Opened, Tokenizer, opened
from lm_geometry.measure.options import Settings
from lm_geometry.measure.record import CELL
from lm_geometry.measure.signals import MOVED, signal_changes, signal_means, signal_table
from lm_geometry.measure.untouched import untouched
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.hashes import value_hash
from lm_geometry.workspace.tables import Row, read_table, write_table

PREFIX, LATER = "local_dimension", "later"


@dataclass(frozen=True)
class Start:
    """What later measurements are compared with: estimates at `step`, and which tokens they are of.

    Tokens that are massive at that step are left out at every other. `states` are those at that
    step, where distances moved are asked for.
    """

    step: int
    local: pd.DataFrame
    signals: pd.DataFrame
    massive: Massive
    made_of: str  # hash of the tokens and the settings
    states: States | None = None

    def write(self, path: Path) -> None:
        """Keep it for a resume: `path`, a JSON file, and tables and arrays beside it."""
        write_table(path.with_suffix(".parquet"), self.local)
        record = {"step": self.step, "massive": self.massive.tolist(), "made_of": self.made_of}
        if len(self.signals):
            write_table(path.with_suffix(".signals.parquet"), self.signals)
        for layer, array in (self.states or {}).items():
            write_array(_states_file(path, layer), array)
        write_json(path, record | {"layers": [*self.states]} if self.states else record)


def read_start(path: Path) -> Start | None:
    """What an interrupted training kept, if it did."""
    if not path.exists():
        return None
    record = read_json(path)
    record["massive"] = np.array(record["massive"], dtype=np.int64)
    layers = record.pop("layers", [])
    whole = path.with_suffix(".signals.parquet")
    return Start(
        **record,
        local=read_table(path.with_suffix(".parquet")),
        signals=read_table(whole) if whole.exists() else signal_table([], 0),
        states={layer: np.load(_states_file(path, layer)) for layer in layers} or None,
    )


def _states_file(path: Path, layer: int) -> Path:
    return path.with_suffix(f".layer_{layer}.npy")


class Watch:
    """A model's local dimensions on fixed tokens, and their change since the first time."""

    def __init__(
        self, texts: pd.DataFrame, layers: Layers, settings: Settings, prefix: str = PREFIX
    ) -> None:
        self._texts, self._layers, self._settings = texts, layers, settings
        self._prefix = prefix
        self.changes: dict[Key, Change] = {}  # of the last measurement
        self._opened: Opened | None = None
        self._probe: Probe | None = None
        self._drawn: Drawn = {}
        self.start: Start | None = None
        self.course = Course()  # of the first layer, estimator, L and reading
        self.course_log: CourseLog | None = None
        self._least: pd.DataFrame | None = None  # estimates of the least measurement so far

    def read(self, model: nn.Module, tokenizer: Tokenizer) -> States:
        """States of the model as it is now; at the first time what is read is chosen.

        Raises ValueError as `measure` then.
        """
        ready, probe = self._opened, self._probe
        if ready is None or probe is None:
            with opened(model, tokenizer, self._layers, self._settings) as ready:
                probe = probe_of(self._texts, ready, self._settings)
                states = states_of(ready, probe)
            self._opened, self._probe = ready, probe
            return states
        inner = unwrapped(model)
        with untouched(inner):
            before = ready.states
            own = (inner, str(inner.device), None, before.pad_id, before.layers, before.half)
            now = HiddenStates(*own, before.place, before.findings)
            return states_of(replace(ready, states=now), probe)

    def begin(self, states: States, step: int, start: Start | None = None) -> Values:
        """Values at the first step, or since a `start` that was kept.

        Raises ValueError for a start that is of other tokens or settings.
        """
        probe, made_of = self._probe, self._made_of(start)
        assert probe is not None
        if self.course_log is not None:
            self.course, self._least = self.course_log.begin(step)
        massive = start.massive if start else massive_of({BASE: states}, self._factor)
        self._drawn = drawn_rows(probe, massive)
        origin = start.states if start else states
        found = estimated({BASE: states}, probe, self._drawn, massive, origin)
        moved = states if MOVED in self._settings.estimate.signals else None
        self.start = start or Start(step, found.local, found.signals, massive, made_of, moved)
        return self._values(found, step)

    def refuse_other(self, model: nn.Module, tokenizer: Tokenizer, start: Start | None) -> None:
        """Raises ValueError for a start that is of other tokens or settings; measures nothing."""
        with opened(model, tokenizer, self._layers, self._settings) as ready:
            self._opened, self._probe = ready, probe_of(self._texts, ready, self._settings)
        self._made_of(start)

    def _made_of(self, start: Start | None) -> str:
        """What tokens and settings are; raises ValueError for a start of others."""
        ready, probe = self._opened, self._probe
        assert ready is not None
        assert probe is not None
        own = value_hash([probe.corpus.sequences, self._settings.record(), ready.layers])
        if start is not None and start.made_of != own:
            raise ValueError(
                "the texts, layers or settings are not those that this training began with: take "
                "the same, or another file"
            )
        return own

    def again(self, states: States, step: int) -> Values:
        """Values at a later step."""
        probe, start = self._probe, self.start
        assert probe is not None
        assert start is not None
        found = estimated({BASE: states}, probe, self._drawn, start.massive, start.states)
        return self._values(found, step)

    @property
    def _factor(self) -> float:
        return self._settings.token_sample.massive

    def _values(self, now: Estimated, step: int) -> Values:
        """Means, and changes since the start, by the names under which they are logged."""
        start, probe, confidence = self.start, self._probe, self._settings.confidence
        assert start is not None
        assert probe is not None
        found: Values = {}
        means = mean_rows(now.local, confidence)
        for row in [*means, *signal_means(now.signals, probe.documents, confidence)]:
            found |= self._named(row, row)
        self.changes = {}
        if step != start.step:
            self.changes = changes(_both(start.local, now.local))
            later = _both(start.signals, now.signals)
            self.changes |= signal_changes(later, probe.documents)
            found |= self._said(now.local, step)
        for key, change in self.changes.items():
            row = dict(zip(KEYS, key, strict=True))
            if row["estimator"] != MOVED:  # which is one
                found |= self._named(row, summary(change.mean, confidence), "change")
        return found

    def _said(self, local: pd.DataFrame, step: int) -> Values:
        """Which way the first dimension goes, since the least measurement so far."""
        start, ready = self.start, self._opened
        assert start is not None
        assert ready is not None
        least = start.local if self._least is None else self._least
        layer = ready.layers[0]
        both = _both(least, local)
        found: Values = {}
        for key, change in changes(both.loc[both["layer"] == layer]).items():
            name = self._key(dict(zip(KEYS, key, strict=True)))
            if name == f"{self._prefix}/layer_{layer}":
                word = self.course.add(change.mean.value, change.mean.standard_error)
                found = {f"{name}/course": NUMBERS[word]} if word else {}
        if self.course.is_least:
            self._least = local
        if self.course_log is not None:
            self.course_log.add(step, self.course, local)
        return found

    def beyond(self, control: "Watch") -> Values:
        """How much more the dimensions changed than those of other texts, as `change` is named.

        The documents of both are others, so that their changes are independent.
        """
        found: Values = {}
        for key in self.changes.keys() & control.changes.keys():
            difference = self.changes[key].mean - control.changes[key].mean
            row = dict(zip(KEYS, key, strict=True))
            told = summary(difference, self._settings.confidence)
            found |= self._named(row, told, "beyond_control")
        return found

    def _named(self, cell: Row, told: Row, what: str = "") -> Values:
        """`told` of a cell by the names under which it is logged; signals by their own."""
        if cell["level"] == "token":
            return named(self._key(cell), told, what)
        signal = str(cell["estimator"])
        key = f"{self._prefix}/layer_{cell['layer']}"
        return named(key, told, f"{signal}_{what}" if what else signal)

    def _key(self, row: Row) -> str:
        """Name of a cell: its layer, and what it is of where there is more than the first."""
        asked = self._settings.estimate
        key = f"{self._prefix}/layer_{row['layer']}"
        first = (asked.exclude[0], asked.estimators[0], float(asked.n_neighbors[0]))
        if tuple(row[name] for name in CELL[1:]) == first:
            return key
        return f"{key}/{row['estimator']}_{row['n_neighbors']:g}_{row['exclude']}"


def _both(start: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """A table of two checkpoints: the start, and what is later."""
    return pd.concat([start, now.assign(checkpoint=LATER)], ignore_index=True)
