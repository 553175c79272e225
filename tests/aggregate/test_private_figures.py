"""Tokens of text that may not be passed on: in a picture of this machine, and in no table."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lm_geometry.aggregate.described import Lines
from lm_geometry.aggregate.figure_rows import FigureTables
from lm_geometry.aggregate.groups import GroupedEstimates
from lm_geometry.aggregate.params import Groups
from lm_geometry.aggregate.private_figures import draw_private_groups
from lm_geometry.aggregate.tables import COLUMNS
from lm_geometry.outs.embed.private_tokens import read_private_tokens, write_private_tokens
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.tables import write_table
from tests.aggregate.test_aggregation import tables_of
from tests.aggregate.test_groups import NAMES, SHOWN, SPLIT, estimates, token_table

PRIVATE = replace(SPLIT, private="0f" * 16)


def grouped(model: str) -> GroupedEstimates:
    tokens, kind = token_table()
    write_table(paths.tokens("a", "test"), tokens.drop(columns="token"))
    collected = GroupedEstimates(Groups.model_validate({}), 0.9, model)
    collected.add(PRIVATE, estimates(kind, np.arange(200)))
    return collected


def test_its_tokens_are_drawn_on_the_machine_that_read_it(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(machine, "private_texts", lambda: tmp_path / "own")
    tokens, _ = token_table()
    write_table(paths.tokens("a", "test"), tokens.drop(columns="token"))
    write_private_tokens(PRIVATE, "hub:m", list(tokens["token"]))
    assert (tmp_path / "own").stat().st_mode & 0o77 == 0
    collected = grouped("hub:m")
    assert set(collected.table()["grouping"]) == {"tag"}
    private = collected.private()
    assert set(private["group"]) == {name for name in NAMES if name != "rare"}
    tables = replace(tables_of(), private_groups=private.reindex(columns=COLUMNS["groups"]))
    figures = FigureTables(tables, SHOWN, None, [], 0.9, 5)
    lines = Lines(**{field.name: "x" for field in fields(Lines)})
    draw_private_groups(figures, lines)
    drawn = (paths.PRIVATE_PICTURES / "svg" / "groups.svg").read_text()
    assert all(f">{name}<" in drawn for name in NAMES[:4])
    assert "on this machine alone" in capsys.readouterr().out
    draw_private_groups(replace(figures, tables=tables_of()), lines)
    assert not paths.PRIVATE_PICTURES.exists()


def test_tokens_of_another_text_table_or_model_are_not_taken_for_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(machine, "private_texts", lambda: tmp_path / "own")
    tokens, _ = token_table()
    write_table(paths.tokens("a", "test"), tokens.drop(columns="token"))
    write_private_tokens(PRIVATE, "hub:m", list(tokens["token"]))
    assert read_private_tokens(PRIVATE, "hub:other") is None
    assert read_private_tokens(replace(PRIVATE, private="aa" * 16), "hub:m") is None
    assert grouped("hub:other").private().empty
    assert "its tokens were read on another machine" in capsys.readouterr().out
    write_table(paths.tokens("a", "test"), tokens.drop(columns="token").iloc[:-1])
    assert read_private_tokens(PRIVATE, "hub:m") is None
