"""Which stages a run would take from the cache, against what DVC then runs."""

import shutil
from pathlib import Path

import pytest

from lm_geometry.experiments.costs import unchanged as module
from lm_geometry.experiments.costs.unchanged import unchanged
from lm_geometry.workspace.section import read_yaml
from tests.toy_project import ToyProject, finished

__all__ = ["finished"]


@pytest.fixture
def project(finished: ToyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyProject:
    monkeypatch.setattr(module, "STAGES", ("embed", "estimate", "aggregate"))
    return finished.copy(tmp_path / "copy")


def stands(project: ToyProject, **changes: int) -> list[str]:
    return unchanged(read_yaml(project.folder / "params.yaml") | changes, project.folder)


def test_stages_stand_up_to_the_first_that_something_changes(project: ToyProject) -> None:
    assert stands(project) == ["embed", "estimate", "aggregate"]
    assert stands(project, offset=1) == ["embed", "estimate"]
    assert stands(project, size=10) == []


def test_an_edit_of_the_code_and_an_empty_cache_leave_nothing(project: ToyProject) -> None:
    script = project.folder / "stage.py"
    before = script.read_text()
    script.write_text(f"{before}\n")
    assert stands(project) == []
    script.write_text(before)
    shutil.rmtree(project.folder / ".dvc" / "cache")
    assert stands(project) == []
