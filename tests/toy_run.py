"""A DVC project of one quick stage, with this repository's plots, templates and params.yaml.

Its results are made up: the records of `figure_rows`, and one row in each table.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from lm_geometry.aggregate.tables import ALL
from lm_geometry.figures.export import NAMES
from lm_geometry.workspace.section import read_yaml
from tests.figure_rows import records_of
from tests.structure import ROOT

SCRIPT = """
import pathlib, shutil
text = pathlib.Path("params.yaml").read_text()
asked = text.split("\\naggregate:")[1].split("checkpoint:")[1].split()[0]
made = pathlib.Path("made", "80" if asked == "last" else asked)
for path in made.rglob("*.*"):
    target = pathlib.Path(path.relative_to(made))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
"""
CHECKPOINTS = (40, 80)
# In every table; all else is the checkpoint.
SAME = {"estimator": "twonn", "n_neighbors": 128.0, "exclude": "document"}


def toy_run(folder: Path) -> Path:
    """`folder` as a committed project in which `dvc repro` has run once."""
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    (folder / ".dvc" / "plots" / "page_offline.html").write_text("{refresh_tag}{plot_divs}")
    for file in (".dvc/config", ".dvc/.gitignore", ".dvcignore", "params.yaml"):
        shutil.copy(ROOT / file, folder / file)
    (folder / "make.py").write_text(SCRIPT)
    for checkpoint in CHECKPOINTS:
        _make(folder / "made" / str(checkpoint), checkpoint)
    real = read_yaml(ROOT / "dvc.yaml")
    stage = dict(real["stages"]["aggregate"], cmd=f"{sys.executable} make.py")
    pictures = ("plots/png", "plots/svg")
    outs = [out for out in stage["outs"] if isinstance(out, str) and out not in pictures]
    drawn = {f"plots/{name}.json" for name in NAMES}  # other stages' figures are made here, too
    outs += sorted(drawn - set(outs))
    stage |= {"deps": ["make.py", "made"], "outs": outs}
    with (folder / "dvc.yaml").open("w") as file:
        YAML().dump({"stages": {"aggregate": stage}, "plots": real["plots"]}, file)
    git(folder, "init", "--quiet")
    git(folder, "config", "user.name", "test")
    git(folder, "config", "user.email", "test@localhost")
    commit(folder, "made")
    dvc(folder, "repro", "--quiet")
    commit(folder, "run")
    return folder


def _make(folder: Path, checkpoint: int) -> None:
    (folder / "plots").mkdir(parents=True)
    (folder / "metrics").mkdir()
    (folder / "data" / "tables").mkdir(parents=True)
    for figure in NAMES:
        text = json.dumps(records_of(figure, shown=checkpoint))
        (folder / "plots" / f"{figure}.json").write_text(text)
    mean = -checkpoint / 40
    interval = {"mean": mean, "lower": mean - 0.3, "upper": mean + 0.3}
    summary = {"difference_of_differences": interval, "points": 9000}
    (folder / "metrics" / "summary.json").write_text(json.dumps(summary))
    for name, columns in ALL.items():
        same = {key: value for key, value in SAME.items() if key in columns}
        row = pd.DataFrame([dict.fromkeys(columns, float(checkpoint)) | same])
        row.to_parquet(folder / "data" / "tables" / f"{name}.parquet")


def git(folder: Path, *arguments: str) -> str:
    """What git printed."""
    ran = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def commit(folder: Path, message: str) -> None:
    """Commit all that git does not ignore."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def dvc(folder: Path, *arguments: str) -> str:
    """What dvc printed to its standard output."""
    command = [sys.executable, "-m", "dvc", *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, f"dvc {' '.join(arguments)}\n{ran.stdout}{ran.stderr}"[:3000]
    return ran.stdout


def dvc_json(folder: Path, *arguments: str) -> Any:
    """The JSON that dvc printed; NaN and infinities are no JSON."""
    return json.loads(dvc(folder, *arguments, "--json"), parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
