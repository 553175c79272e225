"""The curves of a training run as the records that its figure draws."""

from itertools import groupby
from typing import NotRequired, TypedDict, TypeVar

from lm_geometry.workspace.tables import Row

Point = TypeVar("Point")

FIELDS = ("step", "measure", "place", "curve", "corpus", "split", "value")
CURVES = {"train": "training", "validation": "validation"}  # by split
MOST_ROWS = 1500  # of one measure and curve: finer than a pixel


class MeasuredLoss(TypedDict):
    """Mean loss in nat at one step; `curve` is training or validation."""

    step: int
    curve: str
    loss: float


class MeasuredScore(TypedDict):
    """One score at one step; `split` where it is of another than the held-out one."""

    step: int
    score: str
    value: float
    split: NotRequired[str]


class Measured(TypedDict):
    """What a run measured, as far as it has come."""

    curve: list[MeasuredLoss]
    scores: list[MeasuredScore]


class Records(Measured):
    """What a run measured, and the steps whose checkpoints were kept."""

    steps: list[int]


class CurveRow(TypedDict):
    """One value of one curve; `place` orders the panels of the measures."""

    step: int
    measure: str
    place: int
    curve: str
    corpus: str
    split: str
    value: float


def curve_records(records: Measured, corpus: str, settings: str) -> list[Row]:
    """The records of the figure `training`: a row per step, measure and curve."""
    rows = [{**row, "settings": settings} for row in _rows(records, corpus)]
    return rows or [nothing(settings)]


def nothing(settings: str) -> Row:
    """The one record of a run in which nothing is trained."""
    message = "the model was not fine-tuned (finetune.task is none)"
    return {**dict.fromkeys(FIELDS), "measure": "", "settings": settings, "message": message}


def evenly(rows: list[Point], most: int) -> list[Point]:
    """At most `most` (2 or more) of the rows, evenly chosen, the first and the last among them."""
    if len(rows) <= most:
        return rows
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def _rows(records: Measured, corpus: str) -> list[CurveRow]:
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
