"""A DVC project of two small stages, with folders, files and metrics as the real one has them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """\
import random, sys
from pathlib import Path
from ruamel.yaml import YAML

params, data = YAML(typ="safe").load(Path("params.yaml")), Path("data")
data.mkdir(exist_ok=True)
if sys.argv[1] == "embed":
    (data / "model.json").write_text('{"layers": %d}' % params["layers"])
    for layer in range(params["layers"]):
        file = data / "states" / "base" / f"layer-{layer:02d}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(random.Random(layer).randbytes(params["size"]))
elif sys.argv[1] == "estimate":
    (data / "tables").mkdir()
    sums = {file: sum(file.read_bytes()) for file in sorted((data / "states").rglob("*.npy"))}
    (data / "tables" / "sums.csv").write_text("".join(f"{k},{v}\\n" for k, v in sums.items()))
else:
    rows = (data / "tables" / "sums.csv").read_text().split()
    Path("summary.json").write_text('{"rows": %d}' % (len(rows) + params["offset"]))
"""
PIPELINE = """\
stages:
  embed:
    cmd: python stage.py embed
    deps: [stage.py]
    params: [layers, size]
    outs: [data/model.json, data/states]
  estimate:
    cmd: python stage.py estimate
    deps: [data/states]
    outs: [data/tables]
  aggregate:
    cmd: python stage.py aggregate
    deps: [data/tables]
    params: [offset]
    metrics: [summary.json: {cache: false}]
"""
CONFIG = """\
[core]
    analytics = false
    check_update = false
    autostage = true
    remote = folder
[cache]
    type = "reflink,hardlink,symlink,copy"
['remote "folder"']
    url = ../../remote
    verify = true
"""
IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost")


class ToyProject:
    """One clone of the toy project; its default remote is the folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def dvc(self, *arguments: str, check: bool = True) -> int:
        """Exit status of a DVC command, run in this process."""
        from dvc.cli import main

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
            patch.chdir(
                Path.cwd()
            )  # where `--cd` has gone away from, and comes not back after errors
            status = main(["--cd", str(self.folder), *arguments])
        assert not check or status == 0, arguments
        return status

    def command(self, *arguments: str) -> None:
        """Run `lm-geometry` here; raises SystemExit as it does."""
        from lm_geometry.commands.cli import main
        from lm_geometry.workspace import section

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(section, "ROOT", self.folder)
            main(arguments)

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *IDENTITY, *arguments], cwd=self.folder, check=True)

    def clone(self, folder: Path) -> "ToyProject":
        """A clone without data, with the same remote."""
        self.git("clone", "--quiet", ".", str(folder))
        local = self.folder / ".dvc" / "config.local"
        if local.exists():
            shutil.copy(local, folder / ".dvc")
        return ToyProject(folder)

    def copy(self, folder: Path) -> "ToyProject":
        """All of it, data and cache as well."""
        shutil.copytree(self.folder, folder)
        return ToyProject(folder)

    def set_param(self, name: str, value: Any) -> None:
        file = self.folder / "params.yaml"
        lines = [line for line in file.read_text().splitlines() if not line.startswith(name)]
        file.write_text("\n".join([*lines, f"{name}: {value}"]) + "\n")

    def bytes(self) -> dict[str, bytes]:
        """Contents of all data, by path."""
        files = sorted(file for file in (self.folder / "data").rglob("*") if file.is_file())
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in files}


def stages_run(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The stages that DVC ran, by what it logged."""
    start = "Running stage '"
    return [m.removeprefix(start).rstrip("':") for m in caplog.messages if m.startswith(start)]


def new_project(folder: Path, layers: int = 4, size: int = 3000) -> ToyProject:
    """The project, committed, before its first run."""
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text(CONFIG)
    (folder / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / ".gitignore").write_text("/data/\n")
    (folder / "stage.py").write_text(SCRIPT)
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "params.yaml").write_text(f"layers: {layers}\nsize: {size}\noffset: 0\n")
    project = ToyProject(folder)
    project.git("init", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "toy")
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    """A project that was run and committed once; tests take copies of it."""
    project = new_project(tmp_path_factory.mktemp("toy") / "project")
    project.dvc("repro", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "results")
    return project


@pytest.fixture
def toy(finished: ToyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyProject:
    """A finished project of one's own; nothing was pushed."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return finished.copy(tmp_path / "project")
