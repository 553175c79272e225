"""What of a working tree a clone would not have is refused, or travels with a job."""

from pathlib import Path

import pytest

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.in_git import (
    carried,
    refuse_dirty,
    refuse_untracked_code,
    refuse_untracked_sources,
)
from lm_geometry.experiments.on_queue import OnQueue
from lm_geometry.experiments.running import InOrder
from tests.toy_run import commit, git


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A committed tree with a file in each place that a rule is about."""
    catalogue = [f"catalogue/{name}.yaml" for name in ("models", "corpora")]
    for name in (*catalogue, "src/a.py", "studies/s.yaml", "texts/in.jsonl", "gone"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old\n")
    (tmp_path / ".gitignore").write_text("/data/\n/.env\n")
    (tmp_path / "params.yaml").write_text("model: {name: a}\nlist: [file:texts/in.jsonl, b]\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "test")
    git(tmp_path, "config", "user.email", "test@localhost")
    commit(tmp_path, "x")
    return tmp_path


def write(tree: Path, *names: str) -> None:
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("new\n")


def test_each_file_that_a_clone_would_miss_is_named(tree: Path) -> None:
    refuse_dirty(tree)
    write(tree, "src/a.py", "src/new.py", "added file")
    (tree / "gone").unlink()
    git(tree, "add", "added file")
    with pytest.raises(
        ValueError, match="a clone of the last commit, which would not have"
    ) as told:
        refuse_dirty(tree)
    assert [line for line in str(told.value).splitlines() if line.startswith("  ")] == [
        "  added file: added",
        "  gone: deleted",
        "  src/a.py: changed",
        "  src/new.py: not in git",
    ]
    commit(tree, "y")
    refuse_dirty(tree)


def test_new_code_must_be_known_to_git(tree: Path) -> None:
    write(tree, "src/a.py", "studies/new.yaml", "notes.txt", "data/x")  # none is missed in a clone
    refuse_untracked_code(tree)
    write(tree, "src/in/new.py", "stages/new.py")
    with pytest.raises(ValueError, match="in a clone, which would not have") as told:
        refuse_untracked_code(tree)
    assert str(told.value).splitlines()[1:] == [
        "  src/in/new.py: not in git",
        "  stages/new.py: not in git",
        "add them to git, or take them away: git add src/in/new.py stages/new.py",
    ]
    for runner in (InOrder(tree / "logs", tree), OnQueue(2, tree / "logs", tree)):
        with pytest.raises(ValueError, match=r"stages/new.py: not in git"):
            runner.check([])
    git(tree, "add", "src", "stages")
    refuse_untracked_code(tree)


def test_what_git_ignores_and_what_no_stage_reads_may_differ(tree: Path) -> None:
    write(
        tree, "data/x", ".env", "studies/s.yaml", "studies/new.yaml", "studies/results/s/runs.json"
    )
    refuse_dirty(tree)
    assert carried(tree) == {}


def test_what_keep_wrote_travels_with_a_job(tree: Path) -> None:
    write(tree, "catalogue/models.yaml", "models/mine.dvc", "models/.gitignore")
    refuse_dirty(tree)
    new = ["catalogue/models.yaml", "models/.gitignore", "models/mine.dvc"]
    assert carried(tree) == dict.fromkeys(new, b"new\n")
    write(tree, "catalogue/corpora.yaml")
    with pytest.raises(ValueError, match=r"catalogue/corpora.yaml: changed"):
        refuse_dirty(tree)


def test_a_source_within_the_project_must_be_in_git(tree: Path) -> None:
    write(tree, "texts/out.jsonl")
    fine = {"list": ["file:texts/in.jsonl", "file:/elsewhere/x", "file:$D/x", "file:~/x"]}
    refuse_untracked_sources([Experiment("s", fine)], tree)
    with pytest.raises(
        ValueError, match=r"file:texts/out.jsonl: not in git\ngive the absolute path"
    ):
        refuse_untracked_sources([Experiment("s", {"model.name": "file:texts/out.jsonl"})], tree)
