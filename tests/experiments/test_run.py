"""`lm-geometry run`: from the committed parameters, in a copy, with a result at its end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.study_project import StudyProject, new_project, wait_for

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> StudyProject:
    """A project in whose params.yaml an earlier `dvc exp run -S` left its values."""
    made = new_project(tmp_path_factory.mktemp("run"))
    params = made.folder / "params.yaml"
    left = params.read_text().replace("points: 6000 ", "points: 800 ")
    assert left != params.read_text()
    params.write_text(left)
    (made.folder / "slurm.yaml").unlink()
    return made


def start(project: StudyProject, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "lm_geometry.commands.cli", "run", *words],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def workspace(project: StudyProject) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file that git follows or does not ignore."""
    listed = project.run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    files = [project.folder / name for name in listed.splitlines()]
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def clones(project: StudyProject) -> list[Path]:
    return list((project.folder / ".dvc" / "tmp" / "exps" / "lm-geometry").glob("*"))


def test_it_starts_from_the_commit_and_leaves_the_workspace(project: StudyProject) -> None:
    before = workspace(project)
    process = start(project, "mine", "-S", "finetune.seed=4")
    printed, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, printed
    lines = printed.splitlines()
    assert lines[0] == "differs from the committed parameters: finetune.seed 4 (committed: 0)"
    assert lines[1].endswith("token_sample.points 800 (committed: 6000)")
    assert "change of the mean local dimension, a: 14.00 [0.00, 1.00]" in lines
    assert any(line.startswith("next     lm-geometry table --revision mine") for line in lines)
    assert "applied to your workspace" not in printed
    assert workspace(project) == before
    assert project.experiments() == ["mine"]
    reference = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").strip()
    assert "points: 6000 " in project.run("git", "show", f"{reference}:params.yaml")
    assert clones(project) == []


def test_an_interruption_leaves_nothing_and_ends_every_process(project: StudyProject) -> None:
    before, started = workspace(project), project.started()
    (project.beside / "hold").touch()
    process = start(project, "held", "-S", "finetune.seed=5")
    wait_for(lambda: project.started() > started, 1200)
    os.kill(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 128 + signal.SIGINT, printed
    assert printed.splitlines()[-1].startswith("interrupted: nothing runs on")
    (project.beside / "hold").unlink()
    assert workspace(project) == before
    assert project.experiments() == ["mine"]
    assert clones(project) == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(project.folder) not in running


def test_a_stage_that_fails_leaves_no_experiment(project: StudyProject) -> None:
    (project.beside / "fail-6").touch()
    process = start(project, "unlucky", "-S", "finetune.seed=6")
    printed, _ = process.communicate(timeout=1500)
    assert process.returncode == 1
    assert "seed 6 brings no luck" in printed
    assert "unlucky has no result: a stage failed" in printed
    assert project.experiments() == ["mine"]
    assert clones(project) == []
