"""DVC's own work in the toy project: a run, commit, checkout, push and pull of its files."""

import shutil
from pathlib import Path

from tests.campaign.kills.killing import Bytes, bytes_below
from tests.toy_project import ToyProject, new_project

LAYERS, SIZE = 150, 20_000  # files and their bytes, so that a transfer is more than a moment
PULL = """\
from pathlib import Path
from lm_geometry.workspace import section
section.ROOT = Path.cwd()  # or the commands would work on the clone that the package lies in
from lm_geometry.commands.cli import main
main(["pull"])
"""
COMMANDS = {
    "DVC: repro": ["dvc", "repro"],
    "DVC: commit": ["dvc", "commit", "--force"],
    "DVC: checkout": ["dvc", "checkout"],
    "push": ["dvc", "push"],
    "pull": ["python", "-c", PULL],
}


def made_toy(folder: Path) -> ToyProject:
    """The project as it was run and committed once, and its remote, which has everything."""
    project = new_project(folder / "project", LAYERS, SIZE)
    local = f"['remote \"folder\"']\n    url = {folder / 'remote'}\n"
    project.dvc("repro", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "results")
    (project.folder / ".dvc" / "config.local").write_text(local)
    project.dvc("push", "--quiet")
    return project


class OfToys:
    """One of `COMMANDS`, in a copy of the toy project that lacks what it makes."""

    in_a_row = 2

    def __init__(self, kind: str, name: str, made: ToyProject) -> None:
        self.kind = kind
        self.name = name
        self.made = made

    def fresh(self, folder: Path) -> Path:
        """A copy of project and remote, without what the command is to bring."""
        shutil.copytree(self.made.folder.parent, folder, symlinks=True)
        place, remote = folder / "project", folder / "remote"
        local = f"['remote \"folder\"']\n    url = {remote}\n"
        (place / ".dvc" / "config.local").write_text(local)
        lacks = {
            "DVC: repro": [place / "data", place / ".dvc" / "cache", place / "dvc.lock"],
            "DVC: commit": [place / ".dvc" / "cache"],
            "DVC: checkout": [place / "data"],
            "push": [remote],
            "pull": [place / "data", place / ".dvc" / "cache"],
        }
        for path in lacks[self.name]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return place

    def command(self, again: bool) -> list[str]:
        """The same, at first and after a kill."""
        return COMMANDS[self.name]

    def result(self, folder: Path) -> Bytes:
        """What is in the workspace, the cache and the remote; what a push left unfinished goes."""
        found = bytes_below(folder, "data", "dvc.lock", ".dvc/cache/files")
        found = {name: content for name, content in found.items() if not name.endswith(".tmp")}
        there = folder.parent / "remote"
        if self.name == "push":
            for unfinished in there.rglob("*.tmp"):  # what `audit --repair` is tested to remove
                unfinished.unlink()
            found |= bytes_below(there, "files")
        return found
