"""Which stages DVC and `lm-geometry drift` take for changed: those whose inputs are, no others."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from lm_geometry.workspace.machine import Machine
from lm_geometry.workspace.section import read_yaml
from tests.structure import PACKAGE, ROOT
from tests.toy_project import CONFIG, ToyProject, finished, stages_run, toy

__all__ = ["finished", "toy"]

STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]
SCRIPTS = {stage: ROOT / "stages" / f"{stage.replace('-', '_')}.py" for stage in STAGES}


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    """The project's own code and dvc.yaml; a dvc.lock of this state, with a word for each out."""
    project = ToyProject(tmp_path_factory.mktemp("committed") / "project")
    ignored = shutil.ignore_patterns("__pycache__", "*.nb?", "*.egg-info")
    for name in ("src", "stages", "catalogue", "studies", ".vscode"):
        shutil.copytree(ROOT / name, project.folder / name, ignore=ignored)
    for name in ("dvc.yaml", "params.yaml", ".dvcignore", "Makefile", "README.md"):
        shutil.copy(ROOT / name, project.folder)
    (project.folder / ".dvc").mkdir()
    (project.folder / ".dvc" / "config").write_text(CONFIG)
    project.git("init", "--quiet")
    for stage in STAGES.values():
        for out in [*stage["outs"], *stage.get("metrics", [])]:
            write(project.folder / (out if isinstance(out, str) else next(iter(out))))
        for dep in stage["deps"]:  # a file of another stage's folder is no out of its own
            if dep.startswith("data/") and not (project.folder / dep).exists():
                write(project.folder / dep)
    project.dvc("commit", "--quiet", "--force")
    return project


def write(path: Path) -> None:
    file = path if path.suffix else path / "file"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(str(path.name)))


@contextmanager
def edited(file: Path, text: str = "\n# edited\n") -> Iterator[None]:
    """A file with a line more, for a while; one that is not there is made."""
    before = file.read_text() if file.exists() else None
    file.write_text((before or "") + text)
    try:
        yield
    finally:
        file.unlink() if before is None else file.write_text(before)


def changed(project: ToyProject) -> set[str]:
    """The stages that `dvc status` names, whatever about them is changed."""
    from dvc.repo import Repo

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)
        with Repo() as repo:
            return set(repo.status())


def users_of(file: Path) -> tuple[str, ...]:
    """The stages that list the file or a room that it is in."""
    stages = read_yaml(ROOT / "dvc.yaml")["stages"]
    listed = {name: [ROOT / dep for dep in stage["deps"]] for name, stage in stages.items()}
    return tuple(s for s in SCRIPTS if any(file.is_relative_to(dep) for dep in listed[s]))


def some_files() -> list[Path]:
    """One file for each set of stages; test_stage_dependencies looks at every file."""
    every = [*PACKAGE.rglob("*.py"), *SCRIPTS.values()]
    ordered = sorted(every, key=lambda file: (users_of(file), file))
    return [list(files)[-1] for _, files in groupby(ordered, key=users_of)]


@pytest.mark.parametrize("file", some_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_an_edit_changes_the_stages_that_list_its_room(committed: ToyProject, file: Path) -> None:
    with edited(committed.folder / file.relative_to(ROOT)):
        assert changed(committed) == set(users_of(file))


def test_facts_of_a_machine_change_no_stage(
    committed: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"device": "cuda", "threads": "3", "shard": "1/2", "pickled_weights": "1"}
    settings = {
        f"LM_GEOMETRY_{name}".upper(): values.get(name, "x") for name in Machine.model_fields
    }
    for name, value in {**settings, "OMP_NUM_THREADS": "7", "CUDA_VISIBLE_DEVICES": "1"}.items():
        monkeypatch.setenv(name, value)
    lines = "\n".join(f"{name}={value}" for name, value in settings.items())
    launchers = [committed.folder / ".vscode" / "launch.json", committed.folder / "Makefile"]
    launchers += sorted((committed.folder / "studies").glob("*.yaml"))[:1]
    with edited(committed.folder / ".env", lines), edited(committed.folder / "README.md"):
        for launcher in launchers:
            with edited(launcher):
                assert changed(committed) == set()
    assert not [name for name in read_yaml(ROOT / "params.yaml") if name in Machine.model_fields]


def drifted(project: ToyProject) -> str:
    with pytest.raises(SystemExit) as raised:
        project.command("drift")
    return str(raised.value.code)


def test_drift_is_told_in_a_clone_without_data(
    toy: ToyProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = toy.clone(tmp_path / "clone")
    clone.command("drift")
    assert capsys.readouterr().out == "dvc.lock belongs to params.yaml, dvc.yaml and the code\n"
    assert clone.dvc("repro", "--allow-missing", "--dry") == 0  # DVC says the same
    last = "dvc.lock is of another state: `dvc repro`, commit"
    with edited(clone.folder / "stage.py"):
        assert drifted(clone) == f"embed: stage.py (modified)\n{last}"
    with edited(clone.folder / "summary.json", " "):
        assert drifted(clone) == f"aggregate: summary.json (modified)\n{last}"
    clone.set_param("offset", 5)
    assert drifted(clone) == f"aggregate: offset (modified)\n{last}"
    clone.git("checkout", "--quiet", "params.yaml")
    pipeline = clone.folder / "dvc.yaml"
    with edited(pipeline):
        pipeline.write_text(pipeline.read_text().replace("stage.py estimate", "stage.py  estimate"))
        assert drifted(clone) == f"estimate: its command\n{last}"
    more = "  late: {cmd: python stage.py late, deps: [data/tables], outs: [data/late]}\n"
    with edited(pipeline, more):
        assert drifted(clone) == f"late: it never ran\n{last}"
    lock = clone.folder / "dvc.lock"
    text = lock.read_text()
    md5 = text.split("path: data/states")[1].split("md5: ")[1].split("\n")[0]
    lock.write_text(text.replace(md5, f"{'0' * 32}.dir", 1))
    assert "estimate: data/states (another than the one in dvc.lock)" in drifted(clone)
    (clone.folder / "stage.py").unlink()
    assert "embed: stage.py (deleted)" in drifted(clone)


def test_only_what_a_stage_needs_is_pulled(
    toy: ToyProject, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toy.dvc("push", "--quiet")
    clone = toy.clone(tmp_path / "clone")
    clone.set_param("offset", 5)
    clone.dvc("repro", "--pull", "--allow-missing")
    assert stages_run(caplog) == ["aggregate"]
    assert list(clone.bytes()) == ["data/tables/sums.csv"]
    assert json.loads((clone.folder / "summary.json").read_text()) == {"rows": 9}

    whole = toy.clone(tmp_path / "whole")
    whole.dvc("pull")
    caplog.clear()
    whole.dvc("repro")
    assert stages_run(caplog) == []
    assert whole.bytes() == toy.bytes()
