"""The curves of a training run in plots/training.json, which grow while it goes on."""

import time
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any, TypeVar

from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json

Row = TypeVar("Row")
Records = Mapping[str, list[Any]]  # `curve` and `scores` of a run, as far as it has come
Watch = Callable[[Callable[[], Records]], None]

FILE = "training.json"
FIELDS = ("step", "measure", "place", "curve", "corpus", "split", "value")
CURVES = {"train": "training", "validation": "validation"}  # by split
MOST_ROWS = 1500  # of one measure and curve: finer than a pixel
SECONDS = 2.0  # between two writings


class LiveCurves:
    """Writes the curves of a run on `corpus`, described by `settings`, as the run brings them.

    `dvc plots show plots/training.json` draws what is there at any moment: the file is always
    whole. Of a long run evenly chosen steps are kept, the first and the last among them.
    """

    def __init__(self, corpus: str, settings: str) -> None:
        self._corpus, self._settings = corpus, settings
        self._written = -SECONDS

    def __call__(self, so_far: Callable[[], Records]) -> None:
        """Write what `so_far` returns, unless that was done a moment ago."""
        if time.monotonic() - self._written >= SECONDS:
            self.write(so_far())
            self._written = time.monotonic()

    def write(self, records: Records) -> None:
        """Write the curves of `records`; the same records give the same bytes."""
        rows = [row | {"settings": self._settings} for row in _rows(records, self._corpus)]
        write_json(paths.PLOTS / FILE, rows or [nothing(self._settings)])


def nothing(settings: str) -> dict[str, Any]:
    """The one record of a run in which nothing is trained."""
    message = "the model was not fine-tuned (finetune.task is none)"
    return {**dict.fromkeys(FIELDS), "measure": "", "settings": settings, "message": message}


def evenly(rows: list[Row], most: int) -> list[Row]:
    """At most `most` (2 or more) of the rows, evenly chosen, the first and the last among them."""
    if len(rows) <= most:
        return rows
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def _rows(records: Records, corpus: str) -> list[dict[str, Any]]:
    """A row per step, measure and curve; the loss, a curve and a score as well, counts once."""
    splits = {curve: split for split, curve in CURVES.items()}
    found = [
        _row(r["step"], "loss", r["curve"], splits[r["curve"]], r["loss"]) for r in records["curve"]
    ] + [
        _row(r["step"], r["score"], CURVES[split], split, r["value"])
        for r in records["scores"]
        if r["score"] != "loss"
        for split in [r.get("split", "validation")]
    ]
    places = {name: place for place, name in enumerate(dict.fromkeys(r["measure"] for r in found))}
    placed = [row | {"place": places[row["measure"]], "corpus": corpus} for row in found]
    by_line = sorted(placed, key=lambda row: (row["place"], row["curve"], row["step"]))
    lines = [list(rows) for _, rows in groupby(by_line, lambda row: (row["place"], row["curve"]))]
    return [row for line in lines for row in evenly(line, MOST_ROWS)]


def _row(step: int, measure: str, curve: str, split: str, value: float) -> dict[str, Any]:
    named = {"step": step, "measure": measure.replace("_", " "), "place": 0, "curve": curve}
    return named | {"corpus": "", "split": split, "value": value}
