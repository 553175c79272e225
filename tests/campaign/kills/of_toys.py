"""DVC's own work in the toy project: a run, commit, checkout, push and pull of its files."""

import shutil
from pathlib import Path

from tests.campaign.kills.killing import Bytes, bytes_below
from tests.toy_project import ToyProject, new_project

LAYERS, SIZE = 150, 20_000  # files and their bytes, so that a transfer is more than a moment
OURS = """\
from pathlib import Path
from lm_geometry.workspace import section
section.ROOT = Path.cwd()  # or the commands would work on the clone that the package lies in
from lm_geometry.commands.cli import main
main(["{command}"])
"""
COMMANDS = {
    "DVC: repro": ["dvc", "repro"],
    "DVC: commit": ["dvc", "commit", "--force"],
    "DVC: checkout": ["dvc", "checkout"],
    "push": ["dvc", "push"],
    "pull": ["python", "-c", OURS.format(command="pull")],
}
# Plain `dvc push` may take for sent what a killed one did not send: docs/remotes.md says so.
AGAIN = COMMANDS | {"push": ["python", "-c", OURS.format(command="push")]}


def made_toy(folder: Path) -> ToyProject:
    """The project as it was run and committed once, and its remote, which has everything."""
    project = new_project(folder / "project", LAYERS, SIZE)
    project.dvc("repro", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "results")
    use_remote(project.folder, folder / "remote")
    project.dvc("push", "--quiet")
    return project


def use_remote(project: Path, remote: Path) -> None:
    """Have the project's default remote be there, in quotes: a comma in a path would part it."""
    local = f'[\'remote "folder"\']\n    url = "{remote}"\n'
    (project / ".dvc" / "config.local").write_text(local)


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
        use_remote(place, remote)
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
        """The same, at first and after a kill; a killed push is finished by ours."""
        return (AGAIN if again else COMMANDS)[self.name]

    def result(self, folder: Path) -> Bytes:
        """What is in the workspace, the cache and the remote; what kills left unfinished goes."""
        found = bytes_below(folder, "data", "dvc.lock", ".dvc/cache/files")
        found = {name: content for name, content in found.items() if not name.endswith(".tmp")}
        there = folder.parent / "remote"
        for link in (folder / "data").rglob(".*.tmp"):  # as `audit --repair` does, too
            link.unlink()
        if self.name == "push":
            for unfinished in there.rglob("*.tmp"):  # what `audit --repair` is tested to remove
                unfinished.unlink()
            found |= bytes_below(there, "files")
        return found
