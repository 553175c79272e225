"""Figures over the steps of training, with the rows behind them."""

import math
from typing import Any

import pandas as pd

from lm_geometry.figures.panels import Panels
from lm_geometry.studies.definition import Figure
from lm_geometry.studies.figures import curves
from lm_geometry.studies.numbers import course
from lm_geometry.studies.numbers.collection import Collected

Records = list[dict[str, Any]]


def drawn(
    figure: Figure, collected: list[Collected], measured: str
) -> tuple[dict[str, pd.DataFrame], Panels]:
    """The tables behind a figure of kind curves or leads, and its chart.

    Tables by the suffix of their file: `csv` is what is shown, `parquet` has a row for each run.
    `measured` tells of the estimates, in the line above each panel.
    """
    table = course.courses(figure, collected)
    if figure.kind == "curves":
        found = course.curves(figure, table)
        says = [
            figure.says,
            _runs(int(found["runs"].to_numpy().max())),
            "Loss and accuracy of all equations.",
        ]
        records = _curves(figure, _records(figure, found, measured))
        draw = curves.grouped if figure.series else curves.curves
        return {"csv": found, "parquet": table}, draw(figure, records, _told(says))
    single, over_runs = course.leads(figure, table)
    records = _records(figure, pd.concat([over_runs, single], ignore_index=True), measured)
    order = {signal: place for place, signal in enumerate(dict.fromkeys(single["signal"]))}
    for record in records:
        record["order"] = order[record["signal"]]
        record["milestone_title"] = f"until validation accuracy is {record['milestone']:g}"
    says = [
        figure.says,
        "Rings: single runs. Diamonds: their mean, with a 95 % interval (Student's t).",
        "Peak: the largest value. Fall: the first step after it at 90 % of it or less.",
    ]
    return {"csv": over_runs, "parquet": single}, curves.leads(figure, records, _told(says))


def _curves(figure: Figure, records: Records) -> Records:
    """Records with the words and the order of their panels; step 0 has no place on the axis."""
    order = {measure: place for place, measure in enumerate(figure.measures)}
    kept = [record for record in records if record["step"] > 0]
    for record in kept:
        record["measure_order"] = order[record["measure"]]
        record["measure"] = course.MEASURES[record["measure"]]
    if not figure.series:
        return kept
    values = list(dict.fromkeys(record["series_value"] for record in kept))
    both = {course.MEASURES[name] for name in course.OF_THE_MODEL}
    for record in kept:
        measure, split = record["measure"], record["split"]
        record["series_place"] = values.index(record["series_value"])
        record["cell"] = measure if measure in both else f"{measure}, {split}"
        # What both splits share has one panel, the last, so that the others stay in two columns.
        place = record["measure_order"] + len(order) * (measure in both)
        record["cell_order"] = place * len(curves.SPLITS) + curves.SPLITS.index(split)
    return kept


def _records(figure: Figure, table: pd.DataFrame, measured: str) -> Records:
    records = []
    for row in table.to_dict("records"):
        named = [
            f"{name.rpartition('.')[2].replace('_', ' ')} {row[name]}" for name in figure.panels
        ]
        common = {"settings": " · ".join([*named, measured]), "corpus": "", "role": None}
        if figure.series:
            common["series_value"] = row[figure.series]
        found = {str(key): _null(value) for key, value in row.items() if "." not in str(key)}
        records.append(found | common)
    return records


def _runs(number: int) -> str:
    if number == 1:
        return "Lines: one run."
    return f"Lines: mean over {number} runs. Bands: 95 % interval over runs (Student's t)."


def _told(says: list[str]) -> list[str]:
    return [line for line in says if line]


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
