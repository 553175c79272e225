"""The figures of aggregate and what the library says of each: the same names on both sides."""

import re
from dataclasses import fields

import pandas as pd
import pytest

from lm_geometry.aggregate.described import Lines
from lm_geometry.aggregate.figure_rows import FigureTables
from lm_geometry.aggregate.figures import FIGURES, Figure
from lm_geometry.aggregate.prompt_figure_rows import prompt_figures
from lm_geometry.aggregate.shown import Shown
from lm_geometry.figures.records import FIELDS
from lm_geometry.outs.embed.prompts import PromptRecords
from lm_geometry.outs.finetune import training_curves
from lm_geometry.outs.finetune.training_run import Loss
from tests.aggregate.test_aggregation import tables_of
from tests.structure import ROOT

OF_FINETUNE = "training"  # which that stage draws itself while it runs
COLUMNS = ("checkpoint", "quantity", "layer", "k", "value", "scale", "missing")


def of_prompts() -> set[str]:
    """The figures of prompts of a run that has none."""
    records = PromptRecords("m", "a", "test", "text", 8, False, ["base"], [], [], [1], "none")
    tables = {
        name: pd.DataFrame(columns=COLUMNS) for name in ("prompt_means", "prompt_correlations")
    }
    return {name for name, _ in prompt_figures(tables, records, "base", "m")}


def test_every_figure_has_fields_rows_and_a_file() -> None:
    made = [*(figure.name for figure in FIGURES), *of_prompts(), OF_FINETUNE]
    assert sorted(made) == sorted(FIELDS)
    written = re.findall(r"plots/\w+\.json", (ROOT / "dvc.yaml").read_text())
    assert set(written) == {f"plots/{name}.json" for name in made}
    assert FIELDS[OF_FINETUNE] == training_curves.FIELDS


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_what_must_be_defined_is_a_field_and_the_line_is_one(figure: Figure) -> None:
    assert set(figure.values) <= set(FIELDS[figure.name])
    assert figure.line in {field.name for field in fields(Lines)}


def test_the_figure_of_loss_has_held_out_text_and_no_batch_of_training() -> None:
    curve = [
        Loss(step=step, curve=curve, loss=loss, corpus="a", split=split)
        for step, curve, loss, split in [
            (0, "validation", 3.7, "test"),
            (1, "training", 9.0, "train"),
            (10, "validation", 3.3, "test"),
        ]
    ]
    cell = {"split": "test", "corpus": "b"}
    losses = [cell | {"checkpoint": "base", "mean": 3.5}, cell | {"checkpoint": "10", "mean": 3.6}]
    shown = Shown("10", 2, 64.0, "twonn", "test")
    rows = FigureTables(tables_of(losses=losses), shown, "a", curve, 0.95, 10).loss()
    drawn = {(row["corpus"], row["role"], row["step"], row["loss"]) for row in rows}
    trained = {("a", "fine-tuned", 0, 3.7), ("a", "fine-tuned", 10, 3.3)}
    assert drawn == trained | {("b", "control", 0, 3.5), ("b", "control", 10, 3.6)}
