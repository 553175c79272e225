"""Every sweep of docs/sweeps.md, typed as it stands, in a project of two quick stages."""

import re
from pathlib import Path

import pytest

from tests.project.test_documented_lines import expanded, runs
from tests.study_project import StudyProject, new_project, wait_for

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def states(project: StudyProject) -> list[str]:
    """The state of each task of DVC's queue."""
    listed = project.run("dvc", "queue", "status")
    return re.findall(r"\b(Queued|Running|Success|Failed)\b", listed)


def test_every_line_makes_the_experiments_that_it_says(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    lines = runs("docs/sweeps.md")
    queued = 0
    for words in lines:
        project.run(*words)
        queued += len(expanded(words)) if "--queue" in words else 0
    assert not project.run("git", "status", "--porcelain", "--untracked-files=no")
    alone = [words[words.index("-n") + 1] for words in lines if "--queue" not in words]
    assert queued > 30
    project.run("dvc", "queue", "start", "-j", "2")
    wait_for(lambda: not {"Queued", "Running"} & set(states(project)), 1200)
    assert states(project) == ["Success"] * queued
    made = project.experiments()
    assert len(made) == queued + len(alone)
    assert set(alone) < set(made)
