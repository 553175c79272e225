"""The figures of aggregate and what the library says of each: the same names on both sides."""

import re
from dataclasses import fields

import pandas as pd
import pytest

from lm_geometry.aggregate.described import Lines
from lm_geometry.aggregate.figures import FIGURES, Figure
from lm_geometry.aggregate.prompt_figure_rows import prompt_figures
from lm_geometry.figures.records import FIELDS
from lm_geometry.outs.embed.prompts import PromptRecords
from lm_geometry.outs.finetune import training_curves
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
