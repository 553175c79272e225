"""A committed project with this repository's package and parameters, and two quick stages.

Its stages write made-up tables, and obey files in a folder beside it: `hold` lets them wait,
`fail-4` lets those with training seed 4 fail, and `ran` has a line for each that ran.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.structure import ROOT

SCRIPT = """\
import json, shutil, sys, time
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

beside = Path({beside!r})
params = YAML(typ="safe").load(Path("params.yaml"))
stage, seed = sys.argv[1], params["finetune"]["seed"]
with (beside / "ran").open("a") as file:
    file.write(f"{{stage}} {{seed}}\\n")
name = params["model"]["name"]
if name not in YAML(typ="safe").load(Path("catalogue/models.yaml")):
    raise SystemExit(f"the catalogue has no {{name}}")
if stage == "embed":
    while (beside / "hold").exists():
        time.sleep(0.1)
    if (beside / f"fail-{{seed}}").exists():
        raise SystemExit(f"seed {{seed}} brings no luck")
    Path("data").mkdir(exist_ok=True)
    if (beside / "checkpoints").exists():
        shutil.copytree(beside / "checkpoints", "data/checkpoints")
        shutil.copytree(beside / "training", "data/training")
    Path("data/model.json").write_text(
        json.dumps(dict(name="m", label="M", source="file:m", kind="decoder", layers=2, width=8,
                        weights="pretrained", seed=seed))
    )
else:
    Path("data/tables").mkdir(parents=True)
    rows = [dict(corpus=c, split="test", layer=k, level="token", estimator="twonn",
                 exclude=params["estimate"]["exclude"][0], n_neighbors=128.0, checkpoint=s,
                 mean=10.0 + k + seed - (s == "5"), lower=0.0, upper=1.0, values=50,
                 documents=9, clouds=2, points=25)
            for c in "ab" for k in (1, 2) for s in ("base", "5")]
    means = pd.DataFrame(rows)
    means.to_parquet("data/tables/means.parquet")
    means[means["checkpoint"] == "5"].to_parquet("data/tables/changes.parquet")
    means.iloc[:0].assign(control="").to_parquet("data/tables/differences.parquet")
"""
PIPELINE = """\
stages:
  embed:
    cmd: python stages/make.py embed
    deps: [stages/make.py]
    params: [seed, model, finetune]
    outs: [data/model.json{more}]
  aggregate:
    cmd: python stages/make.py aggregate
    deps: [stages/make.py, data/model.json]
    params: [aggregate]
    outs: [data/tables]
"""
STUDY: dict[str, Any] = {
    "question": "Does it run?",
    "minutes": 1,
    "cases": {  # the second finds the first's state of stage `embed` in the cache
        "a": {"finetune.seed": 0, "aggregate.confidence": 0.9},
        "b": {"finetune.seed": 0, "aggregate.confidence": 0.95},
        "c": {"finetune.seed": 4, "aggregate.confidence": 0.9},
    },
    "figures": [{"kind": "lines", "title": "T", "value": "change", "panels": ["case"]}],
}
CONFIG = "[core]\n    analytics = false\n    check_update = false\n    autostage = true\n"
CONFIG += "    remote = folder\n['remote \"folder\"']\n    url = ../../remote\n"
LOCAL = {"cluster": "local", "time": "2:00", "memory": "1GB", "parallel": 2}


class StudyProject:
    """The project, in `folder/project`; `beside` is the folder that its stages look into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.beside = folder / "beside"
        self.logs = self.folder / ".scratch" / "studies" / "s"
        self.environment = os.environ | {
            "PYTHONPATH": str(self.folder / "src"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DVC_SITE_CACHE_DIR": str(folder / "site"),
            "LM_GEOMETRY_DOWNLOADS": str(folder / "downloads"),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """`lm-geometry study s` with more arguments, as a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "lm_geometry.commands.cli", "study", "s", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def study(self, *arguments: str, fails: bool = False) -> str:
        """What `lm-geometry study s` printed; asserts that it failed, or did not."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=1500)
        assert (process.returncode != 0) == fails, printed
        return printed

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "x")

    def write(self, name: str, value: Any) -> None:
        """A YAML file of the project."""
        with (self.folder / name).open("w") as file:
            YAML().dump(value, file)

    def read(self, name: str) -> Any:
        """What is in a YAML file of the project."""
        return YAML(typ="safe").load(self.folder / name)

    def experiments(self) -> list[str]:
        """The names of all experiments, those of the study without their hashes."""
        return sorted(map(short, self.run("dvc", "exp", "list", "--name-only").split()))

    def log(self, experiment: str) -> str:
        """What the log of an experiment of the study has; empty where there is none."""
        return "".join(path.read_text() for path in self.logs.glob(f"{experiment}-??????.log"))

    def started(self) -> int:
        """How many stages started."""
        file = self.beside / "ran"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def stages_run(self) -> list[str]:
        """`STAGE SEED` of each stage that started, in order; forgotten by the next call."""
        file = self.beside / "ran"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found


def short(name: str) -> str:
    """The name of an experiment of the study without the hash of what it depends on."""
    return re.sub(r"^(s-.+)-[0-9a-f]{6}$", r"\1", name)


def states(printed: str) -> dict[str, str]:
    """The last table of states in what was printed: state by experiment."""
    lines = printed.splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("experiment "))
    place = lines[start].index("state"), lines[start].index("time")
    rows = (line for line in lines[start + 1 :] if line.startswith("s-"))
    return {short(row.split()[0]): row[slice(*place)].strip() for row in rows}


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)


def new_project(folder: Path, checkpoints: bool = False) -> StudyProject:
    """The project, committed."""
    project = StudyProject(folder)
    ignored = shutil.ignore_patterns("__pycache__", "*.nb?", "*.egg-info")
    shutil.copytree(ROOT / "src", project.folder / "src", ignore=ignored)
    shutil.copytree(ROOT / "catalogue", project.folder / "catalogue")
    for name in ("params.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, project.folder)
    for place in (project.beside, *(project.folder / n for n in ("stages", "studies", ".dvc"))):
        place.mkdir()
    (project.folder / ".dvc" / "config").write_text(CONFIG)
    shutil.copy(ROOT / ".dvc" / ".gitignore", project.folder / ".dvc")
    more = ", data/checkpoints, data/training" if checkpoints else ""
    (project.folder / "dvc.yaml").write_text(PIPELINE.format(more=more))
    (project.folder / "stages" / "make.py").write_text(SCRIPT.format(beside=str(project.beside)))
    with (project.folder / ".gitignore").open("a") as file:
        file.write("/data/\n")
    project.write("studies/s.yaml", STUDY)
    project.run("git", "init", "--quiet")
    project.run("git", "config", "user.name", "test")
    project.run("git", "config", "user.email", "test@localhost")
    project.commit()
    project.write("slurm.yaml", LOCAL)
    return project
