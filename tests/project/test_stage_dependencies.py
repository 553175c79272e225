"""dvc.yaml names the rooms whose code each stage runs: an edit reruns what it can change."""

import ast
from pathlib import Path

import pytest

from lm_geometry.measure.in_finetune import ROOMS
from lm_geometry.workspace.section import read_yaml
from tests.structure import PACKAGE, ROOT, closure_of, imports_of

STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]
# Rooms that several stages share, whose files no single stage reaches all of.
SHARED = {"workspace", "point_cloud", "outs", "models", "observables", "token_geometry", "figures"}
SHARED |= {"dimension", "neighbours", "surrogates"}  # libraries have more than estimate asks for
SHAPES = "src/lm_geometry/point_cloud/shapes.py"  # all that texts and training need of the room
# What a stage reaches and dvc.yaml does not name: who computes its cells, which changes none of
# their bytes (tests/executors/test_processes.py), so that an edit of a job's options repeats no
# forward pass; and what watches a training
# (finetune.watch). It changes nothing of the training, which an edit of an estimator or a figure
# must not repeat; data/training_run names its code instead (`watched_by`).
LOOKS_ON = {PACKAGE / "measure" / name for name in ("__init__.py", "in_finetune.py")}
EXECUTORS = PACKAGE / "experiments" / "executors"
HANDED_IN = {EXECUTORS.parent / "__init__.py"} | {
    EXECUTORS / name for name in ("__init__.py", "chosen.py")
}
HAVE_CELLS = ["embed", "estimate"]
MOST_ENTRIES = 9
MOST_LINES = 110
NEEDLESS_IN_EMBED = 350  # lines: an edit of one of these repeats every forward pass


def script_of(stage: str) -> Path:
    return ROOT / "stages" / f"{stage.replace('-', '_')}.py"


def entries_of(stage: str) -> list[str]:
    return [dep for dep in STAGES[stage]["deps"] if dep.startswith(("src/", "stages/"))]


def named_by(stage: str) -> set[Path]:
    places = [ROOT / dep for dep in entries_of(stage)]
    return {file for place in places for file in ([place] if place.is_file() else modules(place))}


def modules(folder: Path) -> list[Path]:
    return list(folder.rglob("*.py"))


def reached_by(stage: str) -> set[Path]:
    """What the stage imports, without the package's list of public names and bare docstrings."""
    first = imports_of(script_of(stage)) - LOOKS_ON - HANDED_IN
    found = first.union(*map(closure_of, first)) - {PACKAGE / "__init__.py"}
    return {file for file in found if has_code(file)} | {script_of(stage)}


def has_code(file: Path) -> bool:
    """Whether a file is more than the docstring of a room and the lazy list of its names."""
    return any("lazy_loader" not in ast.dump(one) for one in ast.parse(file.read_text()).body[1:])


def surplus_of(stage: str) -> set[Path]:
    return {file for file in named_by(stage) - reached_by(stage) if has_code(file)}


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_that_a_stage_reaches_is_missing(stage: str) -> None:
    missing = sorted(str(path.relative_to(ROOT)) for path in reached_by(stage) - named_by(stage))
    assert missing == []


def test_what_looks_on_is_finetunes_alone_loaded_on_demand_and_named_by_its_hash() -> None:
    stages = [stage for stage in STAGES if imports_of(script_of(stage)) & LOOKS_ON]
    assert stages == ["finetune"]
    tree = ast.parse(script_of("finetune").read_text())
    at_once = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert not any("measure" in str(module) for module in at_once)
    (observer,) = (file for file in LOOKS_ON if has_code(file))
    hashed = {file for room in ROOMS for file in modules(PACKAGE / room)}
    reached = {file for file in closure_of(observer) if has_code(file)}
    unnamed = reached - {PACKAGE / "__init__.py"} - hashed - named_by("finetune")
    # Charts and pages of a measurement by hand, which no number passes through.
    assert {file.relative_to(PACKAGE).parts[0] for file in unnamed} <= {"figures"}
    assert {file.relative_to(PACKAGE).parts[0] for file in reached & hashed} == set(ROOMS)


def test_who_computes_cells_is_loaded_on_demand_and_known_to_no_stage() -> None:
    assert [s for s in STAGES if HANDED_IN & imports_of(script_of(s))] == HAVE_CELLS
    for stage in STAGES:
        tree = ast.parse(script_of(stage).read_text())
        at_once = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
        assert not any("executors" in str(module) for module in at_once)
        assert not any(file.is_relative_to(EXECUTORS) for file in reached_by(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_what_it_cannot_reach_lies_in_shared_rooms(stage: str) -> None:
    beside = [file.relative_to(PACKAGE) for file in surplus_of(stage)]
    assert {str(file) for file in beside if file.parts[0] not in SHARED} == set()


def test_embed_is_repeated_for_nothing_by_few_lines_only() -> None:
    lines = {file.name: len(file.read_text().splitlines()) for file in surplus_of("embed")}
    assert sum(lines.values()) <= NEEDLESS_IN_EMBED, lines


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_folders_and_few_of_them(stage: str) -> None:
    entries = entries_of(stage)
    assert len(entries) <= MOST_ENTRIES
    rooms = [entry for entry in entries if entry.startswith("src/")]
    assert all((ROOT / room).is_dir() for room in rooms if room != SHAPES)
    others = {f"src/lm_geometry/{other.replace('-', '_')}" for other in STAGES if other != stage}
    assert not others & set(rooms)


def test_dvc_yaml_is_short() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_checks_params_and_runs_its_own_short_script(stage: str) -> None:
    script = script_of(stage)
    text = script.read_text()
    assert len(text.splitlines()) <= 40
    assert f"from lm_geometry.{script.stem}.run import run" in text
    commands = [f"python stages/{name}" for name in ("check_params.py", script.name)]
    if stage == "data-prep":  # what it found in the model is checked before anything is trained
        commands.append("python stages/check_params.py")
    assert STAGES[stage]["cmd"] == commands
