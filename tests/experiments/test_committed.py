"""Experiments start from the committed parameters, whatever was typed before."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lm_geometry.experiments.committed import MISSING, left_over, resets, told
from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.experiments.on_queue import OnQueue
from lm_geometry.experiments.running import InOrder
from tests.structure import ROOT
from tests.toy_run import commit, git


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A committed params.yaml and catalogue."""
    (tmp_path / "catalogue").mkdir()
    for name in ("models", "corpora"):
        (tmp_path / "catalogue" / f"{name}.yaml").write_text("{}\n")
    (tmp_path / "params.yaml").write_text("a: {b: 1, c: [x], none: []}\nmodel: {name: m}\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "test")
    git(tmp_path, "config", "user.email", "test@localhost")
    commit(tmp_path, "x")
    return tmp_path


def leave(tree: Path, old: str, new: str) -> None:
    text = (tree / "params.yaml").read_text()
    assert old in text
    (tree / "params.yaml").write_text(text.replace(old, new))


def test_a_file_that_is_written_otherwise_differs_in_nothing(tree: Path) -> None:
    leave(tree, "[x]", "[ 'x' ]")
    assert left_over(tree) == {}
    assert resets(tree) == {}


def test_what_was_left_over_is_told_and_set_back(tree: Path) -> None:
    leave(tree, "b: 1, c: [x]", "b: 2, c: [x, y]")
    assert told(left_over(tree)) == "a.b 2 (committed: 1), a.c [x, y] (committed: [x])"
    assert resets(tree) == {"a.b": 1, "a.c": ["x"]}
    one = Experiment("one", {"a.b": 3})
    line = "dvc exp run --temp -n one -S a.b=3 -S 'a.c=[x]'"
    assert InOrder(tree / "logs", tree).lines([one]) == [line]

    own = OnQueue(2, tree / "logs", tree).resets()
    assert one.line("--queue", resets=own) == line.replace("--temp", "--queue")


def test_many_differences_are_counted(tree: Path) -> None:
    leave(tree, "b: 1", "b: 1, " + ", ".join(f"k{number}: 0" for number in range(8)))
    assert told(left_over(tree)).endswith("a.k5 0 (committed: not there) and 2 more")


@pytest.mark.parametrize(("old", "new"), [("none: []", "none: [x]"), ("b: 1, ", ""), ("b:", "d:")])
def test_what_cannot_be_set_back_is_refused(tree: Path, old: str, new: str) -> None:
    leave(tree, old, new)
    with pytest.raises(
        ValueError, match=r"`-S` cannot set these of params.yaml back: a\."
    ) as error:
        InOrder(tree / "logs", tree).check([])
    assert "`git checkout params.yaml` does" in str(error.value)


def test_a_study_knows_the_committed_parameters_alone(tree: Path) -> None:
    before = Project.read(tree)
    leave(tree, "b: 1", "b: 2")
    assert Project.read(tree) == before
    commit(tree, "y")
    assert Project.read(tree).params["a"]["b"] == 2


def test_outside_of_git_the_file_itself_counts(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: 1\n")
    assert left_over(tmp_path) == {}


def test_a_key_that_is_not_there_is_no_value_of_it(tree: Path) -> None:
    leave(tree, "b: 1, ", "")
    assert left_over(tree) == {"a.b": (MISSING, 1)}


def test_each_stage_says_what_differs_and_where_nothing_is_trained(tmp_path: Path) -> None:
    for name in ("src", "catalogue", "stages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "test")
    git(tmp_path, "config", "user.email", "test@localhost")
    commit(tmp_path, "x")

    def checked(stage: str) -> str:
        words = [sys.executable, "stages/check_params.py"]
        environment = {"PATH": "/usr/bin:/bin", "DVC_STAGE": stage}
        ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert checked("finetune") == ""
    leave(tmp_path, "task: language_modelling ", "task: none ")
    differs = "params.yaml differs from the last commit: "
    differs += "finetune.task none (committed: language_modelling)\n"
    assert checked("embed") == differs
    assert checked("finetune") == differs + "finetune.task is none: nothing is trained\n"
