"""dvc.yaml names exactly the code that each stage runs: an edit reruns what it can change."""

import ast
from pathlib import Path

import pytest

from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT, closure_of

STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]


def script_of(stage: str) -> Path:
    return ROOT / "stages" / f"{stage.replace('-', '_')}.py"


def has_code(file: Path) -> bool:
    """Whether a file is more than the docstring of a room."""
    return len(ast.parse(file.read_text()).body) > 1


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_what_the_stage_imports(stage: str) -> None:
    deps = [ROOT / dep for dep in STAGES[stage]["deps"] if dep.startswith(("src/", "stages/"))]
    named = {file for dep in deps for file in ([dep] if dep.is_file() else dep.rglob("*.py"))}
    needed = {file for file in closure_of(script_of(stage)) if has_code(file)} | {script_of(stage)}
    missing = sorted(str(path.relative_to(ROOT)) for path in needed - named)
    assert missing == []


@pytest.mark.parametrize("stage", STAGES)
def test_stage_scripts_are_short_and_import_no_other_stage(stage: str) -> None:
    text = script_of(stage).read_text()
    assert len(text.splitlines()) <= 40
    assert "from stages" not in text
    assert STAGES[stage]["cmd"] == f"python stages/{script_of(stage).name}"
