"""The curves of a training run as the records that its figure draws."""

from itertools import groupby
from typing import NotRequired, TypedDict, TypeVar

from lm_geometry.outs.finetune.training_run import TrainingRun
from lm_geometry.workspace.inside_scripts import inside_script
from lm_geometry.workspace.tables import Row

Point = TypeVar("Point")

FIELDS = ("step", "measure", "place", "curve", "corpus", "split", "value")
CURVES = {"train": "training", "validation": "validation", "test": "test"}  # by split
WATCHED = "fixed held-out tokens"  # the curve of what was measured of its states
MOST_ROWS = 1500  # of one measure and curve: finer than a pixel
MOST_WATCHED = 3000  # of all that was measured of states


class CurveRow(TypedDict):
    """One value of one curve; `place` orders the panels of the measures.

    Of a run that was watched every row has `lower` and `upper`, of any other none.
    """

    step: int
    measure: str
    place: int
    curve: str
    corpus: str
    split: str
    value: float
    lower: NotRequired[float | None]
    upper: NotRequired[float | None]


def curve_records(run: TrainingRun) -> list[Row]:
    """The records of the figure `training`: a row per step, measure and curve."""
    rows = [{**row, "settings": run.settings} for row in _rows(run)] or [nothing(run.settings)]
    return [{name: inside_script(value) for name, value in row.items()} for row in rows]


def nothing(settings: str) -> Row:
    """The one record of a run in which nothing is trained."""
    message = "the model was not fine-tuned (finetune.task is none)"
    return {**dict.fromkeys(FIELDS), "measure": "", "settings": settings, "message": message}


def evenly(rows: list[Point], most: int) -> list[Point]:
    """At most `most` (2 or more) of the rows, evenly chosen, the first and the last among them."""
    if len(rows) <= most:
        return rows
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def _rows(run: TrainingRun) -> list[CurveRow]:
    """A row per step, measure and curve; the loss, a curve and a score as well, counts once."""
    found = [_row(r["step"], "loss", r["curve"], r["split"], r["loss"]) for r in run.curve] + [
        _row(r["step"], r["score"], CURVES[r["split"]], r["split"], r["value"])
        for r in run.scores
        if r["score"] != "loss" or r["split"] == "test"  # which is no curve
    ]
    watched = _watched(run)
    if watched:  # DVC cannot read records with different keys
        found = [CurveRow({**row, "lower": None, "upper": None}) for row in found] + watched
    places = {name: place for place, name in enumerate(dict.fromkeys(r["measure"] for r in found))}
    placed = [
        CurveRow({**row, "place": places[row["measure"]], "corpus": run.corpus}) for row in found
    ]
    by_line = sorted(placed, key=lambda row: (row["place"], row["curve"], row["step"]))
    lines = [list(rows) for _, rows in groupby(by_line, lambda row: (row["place"], row["curve"]))]
    drawn = sum(line[0]["curve"] == WATCHED for line in lines)
    most = {WATCHED: min(MOST_ROWS, max(2, MOST_WATCHED // max(drawn, 1)))}
    return [row for line in lines for row in evenly(line, most.get(line[0]["curve"], MOST_ROWS))]


def _watched(run: TrainingRun) -> list[CurveRow]:
    """What was measured of states, a measure for each layer and quantity."""
    found: list[CurveRow] = []
    for own in run.watched:
        measure = f"{own['quantity']}, layer {own['layer']}"
        row = _row(own["step"], measure, WATCHED, own["split"], own["value"])
        found.append(CurveRow({**row, "lower": own.get("lower"), "upper": own.get("upper")}))
    return found


def _row(step: int, measure: str, curve: str, split: str, value: float) -> CurveRow:
    named = measure.replace("_", " ")
    return CurveRow(
        step=step, measure=named, place=0, curve=curve, corpus="", split=split, value=value
    )
