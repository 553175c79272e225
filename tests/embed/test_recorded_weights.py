"""Embed compares the weights of a hub model once, and only where it computes something of them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from lm_geometry.embed import run
from lm_geometry.embed.run import refuse_where_computed
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.work import Cell

SOURCE = ModelSource("mine", "mine", "hub:org/mine@1", "decoder", "pretrained", 0, 2, 8)


def compared(cells: list[Cell], monkeypatch: pytest.MonkeyPatch) -> list[ModelSource]:
    """The models whose weights were read."""
    asked: list[ModelSource] = []
    monkeypatch.setattr(run, "refuse_replaced", asked.append)
    refuse_where_computed(SOURCE, [SimpleNamespace(cells=cells)])
    return asked


def test_weights_are_read_where_a_cell_is_left_and_by_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "scratch", lambda: tmp_path)
    within = Cells("embed", {"of": "this test"})
    cells = [Cell(name, "embed base", 1, within, (name,), ("all",)) for name in "ab"]
    for name, expected in (("a", [SOURCE]), ("b", [])):
        assert compared(cells, monkeypatch) == [SOURCE]
        with monkeypatch.context() as patched:
            patched.setenv(machine.WORKER, "3")
            assert compared(cells, patched) == []
        within.path(name).write_text("its content")
        within.finish(name)
        assert compared(cells, monkeypatch) == expected
    within.forget("a")
    assert compared(cells, monkeypatch) == [SOURCE]
    within.path("all").write_text("both, gathered")
    within.finish("all")
    assert compared(cells, monkeypatch) == []
