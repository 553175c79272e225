"""Figures of a study drawn again: of its kept tables alone they are what they were."""

from pathlib import Path

import pytest

from lm_geometry.commands.cli import main
from lm_geometry.studies.report import redrawn
from lm_geometry.studies.report.redrawn import redraw
from lm_geometry.workspace.section import ROOT

COMMITTED = ROOT / "studies" / "results"
NAME = "sensitivity_layers"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The committed results of a small study, without its pictures."""
    place = tmp_path / NAME
    place.mkdir()
    for path in (COMMITTED / NAME).iterdir():
        if path.suffix not in (".svg", ".png"):
            (place / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_committed_pictures_are_those_of_the_committed_tables(results: Path) -> None:
    written, left = redraw(NAME, results)
    pictures = [path for path in written if path.suffix == ".svg"]
    assert left == []
    assert {path.name for path in pictures} == {
        path.name for path in (COMMITTED / NAME).glob("*.svg")
    }
    for path in pictures:
        assert path.read_bytes() == (COMMITTED / NAME / path.name).read_bytes()


def test_a_figure_whose_numbers_were_not_kept_stays_and_is_named(results: Path) -> None:
    (results / NAME / "change_by_layer.csv").unlink()
    (results / NAME / "change_by_layer.svg").write_text("as it was")
    _, left = redraw(NAME, results)
    assert left == [
        "change_by_layer: figure 'Change through the layers': its numbers were not kept"
    ]
    assert (results / NAME / "change_by_layer.svg").read_text() == "as it was"


def test_what_cannot_be_redrawn_is_told(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match="`lm-geometry study grokking` makes it"):
        redraw("grokking", results)
    with pytest.raises(SystemExit, match="name studies that have results, or give --all"):
        main(["study", "--redraw"])
    monkeypatch.setattr(redrawn, "redraw", lambda name: ([Path("a.svg")], [f"b: {name}"]))
    main(["study", NAME, "--redraw"])
    assert capsys.readouterr().out == f"{NAME}: 1 drawn again\n  as it was: b: {NAME}\n"


def test_all_are_the_studies_that_have_results_and_no_family_of_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(redrawn, "redraw", lambda name: (asked.append(name) or [], []))
    main(["study", "--all", "--redraw"])
    assert {"grokking", NAME} < set(asked)
    assert (COMMITTED / "signals" / "README.md").exists()
    assert "signals" not in asked
    assert "sensitivity_seeds" not in asked  # which was not run
    assert capsys.readouterr().out.count(": 0 drawn again") == len(asked)
