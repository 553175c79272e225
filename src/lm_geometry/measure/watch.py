"""The same tokens of a model in training, measured again and again."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.aggregate.means import mean_rows
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.measure.compared import changes_of
from lm_geometry.measure.estimates import (
    Drawn,
    Massive,
    Probe,
    drawn_rows,
    estimated,
    massive_of,
    probe_of,
    states_of,
)
from lm_geometry.measure.opened import Layers, Opened, opened, unwrapped
from lm_geometry.measure.options import Settings
from lm_geometry.measure.record import CELL
from lm_geometry.measure.untouched import untouched
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.hashes import value_hash
from lm_geometry.workspace.tables import read_table, write_table

PREFIX = "local_dimension"
Values = dict[str, float]


@dataclass(frozen=True)
class Start:
    """What later measurements are compared with: estimates at `step`, and which tokens they are of.

    Tokens that are massive at that step are left out at every other.
    """

    step: int
    local: pd.DataFrame
    massive: Massive
    made_of: str  # hash of the tokens and the settings

    def write(self, path: Path) -> None:
        """Keep it beside the log, for a resume."""
        write_table(path.with_suffix(".start.parquet"), self.local)
        record = {"step": self.step, "massive": self.massive.tolist(), "made_of": self.made_of}
        write_json(path.with_suffix(".start.json"), record)


def read_start(path: Path) -> Start | None:
    """What an interrupted training kept, if it did."""
    if not path.with_suffix(".start.json").exists():
        return None
    record = read_json(path.with_suffix(".start.json"))
    massive = np.array(record.pop("massive"), dtype=np.int64)
    return Start(local=read_table(path.with_suffix(".start.parquet")), massive=massive, **record)


class Watch:
    """A model's local dimensions on fixed tokens, and their change since the first time."""

    def __init__(self, texts: pd.DataFrame, layers: Layers, settings: Settings) -> None:
        self._texts, self._layers, self._settings = texts, layers, settings
        self._opened: Opened | None = None
        self._probe: Probe | None = None
        self._drawn: Drawn = {}
        self.start: Start | None = None

    def begin(self, model: Any, tokenizer: Any, step: int, start: Start | None = None) -> Values:
        """Values at the first step, or since a `start` that was kept.

        Raises ValueError as `measure`, and for a start that is of other tokens or settings.
        """
        with opened(model, tokenizer, self._layers, self._settings) as ready:
            probe = probe_of(self._texts, ready, self._settings)
            states = states_of(ready, probe)
        self._opened, self._probe = ready, probe
        own = [probe.corpus.sequences, self._settings.record(), ready.layers]
        made_of = value_hash(own)
        if start is not None and start.made_of != made_of:
            raise ValueError(
                "the texts, layers or settings are not those that this training began with: take "
                "the same, or another file"
            )
        massive = start.massive if start else massive_of({BASE: states}, self._factor)
        self._drawn = drawn_rows(probe, massive)
        local = estimated({BASE: states}, probe, self._drawn, massive).local
        self.start = start or Start(step, local, massive, made_of)
        return self._values(local, step)

    def again(self, model: Any, step: int) -> Values:
        """Values of the model as it is now."""
        ready, probe, start = self._opened, self._probe, self.start
        assert ready is not None
        assert probe is not None
        assert start is not None
        inner = unwrapped(model)
        with untouched(inner):
            before = ready.states
            place = (inner, str(inner.device), None, before.pad_id, before.layers, before.half)
            states = states_of(
                replace(ready, states=HiddenStates(*place, findings=before.findings)), probe
            )
        local = estimated({BASE: states}, probe, self._drawn, start.massive).local
        return self._values(local, step)

    @property
    def _factor(self) -> float:
        return self._settings.token_sample.massive

    def _values(self, local: pd.DataFrame, step: int) -> Values:
        """Means, and changes since the start, by the names under which they are logged."""
        start, confidence = self.start, self._settings.confidence
        assert start is not None
        found: Values = {}
        means = pd.DataFrame(mean_rows(local, confidence))
        for row in means.to_dict("records"):
            found |= _named(self._key(row), row, ("mean", "lower", "upper"), "")
        if step != start.step:
            later = local.assign(checkpoint="later")
            both = pd.concat([start.local, later], ignore_index=True)
            for row in changes_of(both, confidence).to_dict("records"):
                found |= _named(self._key(row), row, ("mean", "lower", "upper"), "change")
        return found

    def _key(self, row: dict[Any, Any]) -> str:
        """Name of a cell: its layer, and what it is of where there is more than the first."""
        asked = self._settings.estimate
        key = f"{PREFIX}/layer_{row['layer']}"
        first = (asked.exclude[0], asked.estimators[0], float(asked.n_neighbors[0]))
        if tuple(row[name] for name in CELL[1:]) == first:
            return key
        return f"{key}/{row['estimator']}_{row['n_neighbors']:g}_{row['exclude']}"


def _named(key: str, row: dict[Any, Any], columns: tuple[str, ...], what: str) -> Values:
    """A mean and its interval: `key`, `key/lower`, `key/upper`; of a change `key/change`, …"""
    names = [f"{key}/{what}" if what else key]
    names += [f"{key}/{what}_{end}" if what else f"{key}/{end}" for end in columns[1:]]
    values = (float(row[column]) for column in columns)
    return {name: value for name, value in zip(names, values, strict=True) if np.isfinite(value)}


class Log:
    """A file of JSON lines, one per measurement: its step and values."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, step: int) -> None:
        """Keep what was written before `step`, of a training that goes on from there."""
        kept = [line for line in self.lines() if line["step"] < step]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def add(self, step: int, values: Values) -> None:
        """Append a line, whole."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """What is written; a last line that a kill cut is left out."""
        if not self.path.exists():
            return []
        found = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found
