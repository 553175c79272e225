"""What a shell offers when TAB is pressed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from lm_geometry.commands.cli import COMMANDS, PROGRAM, program
from lm_geometry.studies.definition import study_names
from lm_geometry.workspace import section
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT


def offers(*words: str) -> list[str]:
    """What is offered for the last word."""
    bash = get_completion_class("bash")(program, {}, PROGRAM, "_LM_GEOMETRY_COMPLETE")
    return [item.value for item in bash.get_completions(list(words[:-1]), words[-1])]


def test_commands_options_and_choices_are_offered() -> None:
    assert offers("") == list(COMMANDS)
    assert offers("pul") == ["pull"]
    assert offers("study", "--s") == ["--slurm", "--slurm-file"]
    assert offers("table", "prompt_p") == ["prompt_peaks"]
    assert offers("table", "--corpus", "a", "b", "--format", "m") == ["markdown"]


def test_names_of_this_project_are_offered() -> None:
    assert offers("study", "") == study_names()
    assert offers("study", "grokking", "grokking_s") == ["grokking_small"]
    assert offers("report", "grokking") == ["grokking", "grokking_operations", "grokking_small"]
    assert offers("params", "embed.lay") == ["embed.layers"]
    assert "finetune.lora.rank" in offers("params", "finetune.lora")
    assert offers("params", "seed") == ["seed"]
    assert offers("project", "--corpus", "enc") == ["encyclopaedia"]
    assert offers("audit", "--remote", "") == ["folder"]
    pulled = offers("pull", "")
    assert pulled[:2] == ["data-prep", "data/model.json"]
    assert set(read_yaml(ROOT / "dvc.yaml")["stages"]) <= set(pulled)


def test_experiments_and_branches_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--allow-empty", "-m", "x")
    git("branch", "mine/one")
    git("update-ref", "refs/exps/ab/cdef/step-20", "HEAD")
    git("update-ref", "refs/exps/stash", "HEAD")  # DVC's own
    monkeypatch.setattr(section, "ROOT", tmp_path)
    assert offers("keep", "") == ["workspace", "step-20", "main", "mine/one"]


def test_a_file_that_cannot_be_read_offers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(section, "ROOT", tmp_path)
    assert offers("params", "") == []
    (tmp_path / "params.yaml").write_text("a: [1,\n")
    assert offers("params", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_that_help_documents_gives_a_script_for_the_shell(shell: str) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "src"),
        "_LM_GEOMETRY_COMPLETE": f"{shell}_source",
    }
    done = subprocess.run(
        [sys.executable, "-m", "lm_geometry.commands.cli"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"_LM_GEOMETRY_COMPLETE={shell}_complete" in done.stdout
    if interpreter := shutil.which(shell):
        subprocess.run([interpreter, "-n"], input=done.stdout, text=True, check=True)
