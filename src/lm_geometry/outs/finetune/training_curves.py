"""The curves of a training run as the records that its figure draws."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, TypedDict, TypeVar

Row = TypeVar("Row")
Records = Mapping[str, list[Any]]  # `curve` and `scores` of a run, as far as it has come

FIELDS = ("step", "measure", "place", "curve", "corpus", "split", "value")
CURVES = {"train": "training", "validation": "validation"}  # by split
MOST_ROWS = 1500  # of one measure and curve: finer than a pixel


class CurveRow(TypedDict):
    """One value of one curve; `place` orders the panels of the measures."""

    step: int
    measure: str
    place: int
    curve: str
    corpus: str
    split: str
    value: float


def curve_records(records: Records, corpus: str, settings: str) -> list[dict[str, Any]]:
    """The records of the figure `training`: a row per step, measure and curve."""
    rows = [{**row, "settings": settings} for row in _rows(records, corpus)]
    return rows or [nothing(settings)]


def nothing(settings: str) -> dict[str, str | None]:
    """The one record of a run in which nothing is trained."""
    message = "the model was not fine-tuned (finetune.task is none)"
    return {**dict.fromkeys(FIELDS), "measure": "", "settings": settings, "message": message}


def evenly(rows: list[Row], most: int) -> list[Row]:
    """At most `most` (2 or more) of the rows, evenly chosen, the first and the last among them."""
    if len(rows) <= most:
        return rows
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def _rows(records: Records, corpus: str) -> list[CurveRow]:
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
    placed = [CurveRow({**row, "place": places[row["measure"]], "corpus": corpus}) for row in found]
    by_line = sorted(placed, key=lambda row: (row["place"], row["curve"], row["step"]))
    lines = [list(rows) for _, rows in groupby(by_line, lambda row: (row["place"], row["curve"]))]
    return [row for line in lines for row in evenly(line, MOST_ROWS)]


def _row(step: int, measure: str, curve: str, split: str, value: float) -> CurveRow:
    named = measure.replace("_", " ")
    return CurveRow(
        step=step, measure=named, place=0, curve=curve, corpus="", split=split, value=value
    )
