"""What `dvc exp run -S` wrote into params.yaml and was refused is taken out of it again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lm_geometry.experiments.refused import put_back
from tests.structure import ROOT
from tests.toy_project import CONFIG, IDENTITY

pytestmark = pytest.mark.pipeline

PIPELINE = """\
stages:
  data-prep:
    cmd: [python stages/check_params.py, touch out]
    deps: [stages]
    params: [finetune, estimate]
    outs: [out]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with this one's code, parameters and check, and a stage that does nothing else."""
    made = tmp_path / "project"
    (made / ".dvc").mkdir(parents=True)
    (made / ".dvc" / "config").write_text(CONFIG)
    (made / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (made / ".gitignore").write_text("/out\n__pycache__/\n")
    (made / "dvc.yaml").write_text(PIPELINE)
    for name in ("src", "stages", "catalogue"):
        shutil.copytree(ROOT / name, made / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "params.yaml", made)
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "made"]):
        git(made, *words)
    return made


def git(folder: Path, *words: str) -> str:
    run = subprocess.run(
        ["git", *IDENTITY, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return run.stdout


def experiment(folder: Path, *words: str) -> str:
    """What a `dvc exp run` that is refused says."""
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
    }
    run = subprocess.run(
        [sys.executable, "-m", "dvc", "exp", "run", *words],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode, run.stdout
    return run.stdout + run.stderr


def test_a_refused_value_does_not_stay(folder: Path) -> None:
    before = (folder / "params.yaml").read_bytes()
    said = experiment(folder, "-n", "x", "-S", "finetune.task=nonse", "-S", "finetune.seed=3")
    assert "finetune.task: 'nonse' is not valid" in said
    assert "again as committed, without what -S set (finetune.task, finetune.seed)" in said
    assert (folder / "params.yaml").read_bytes() == before
    assert git(folder, "status", "--porcelain") == ""


def test_changes_of_ones_own_are_never_touched(folder: Path) -> None:
    params = folder / "params.yaml"
    own = params.read_text().replace("rank: 16", "rank: 8  # tried on Monday", 1)
    params.write_text(own)
    said = experiment(folder, "--set-param=finetune.task=nonse")
    assert "`git checkout params.yaml` drops them all" in said
    assert "rank: 8  # tried on Monday" in params.read_text()
    params.write_text(own)
    assert put_back(["finetune.seed=3"], folder).startswith("params.yaml keeps what -S set")
    assert params.read_text() == own
    assert put_back([], folder) == ""


def test_a_comment_of_ones_own_is_a_change(folder: Path) -> None:
    params = folder / "params.yaml"
    params.write_text(params.read_text() + "# to be asked\n")
    experiment(folder, "-S", "finetune.task=nonse")
    assert params.read_text().endswith("# to be asked\n")
