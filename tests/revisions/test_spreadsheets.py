"""CSV of tables: no cell that a spreadsheet would run."""

import pandas as pd
import pytest

from lm_geometry.revisions.excerpt import printed
from lm_geometry.revisions.spreadsheets import inert_cell

RUN = ["=HYPERLINK(1)", "@SUM(1)", "+1+cmd", "-2+3", "\t=1", "\r=1", "-a", "\n=1", "＝1", "＠a"]
TEXTS = ["a=b", "", "word", "'", "1", "-0.76", "+1", "-1e-05", "-.5", "-inf", "-", "+"]


@pytest.mark.parametrize("text", RUN)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert inert_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [*TEXTS, -1.5, -2, None, True])
def test_all_else_stays(value: object) -> None:
    assert inert_cell(value) is value


def test_tables_are_printed_so() -> None:
    table = pd.DataFrame({"=group": ["=1", "a"], "mean": [-1.5, 2.0]})
    assert printed(table, "csv").splitlines() == ["'=group,mean", "'=1,-1.5", "a,2.0"]
    assert "'" not in printed(table, "json")
