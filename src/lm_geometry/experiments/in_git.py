"""Experiments as git has them: a look-up by name, since a name tells the parameters."""

from dataclasses import dataclass
from pathlib import Path

from lm_geometry.revisions.programs import dvc, git
from lm_geometry.workspace.section import ROOT, read_yaml


@dataclass(frozen=True)
class Found:
    """An experiment in git: its commit, what of the stages' code is other now, and its place."""

    commit: str
    other_code: tuple[str, ...]
    of_head: bool  # it started from HEAD, below which its name is taken


def look_up(name: str, root: Path = ROOT) -> Found | None:
    """The experiment of that name with the code of this tree, or else the newest, if any."""
    head = git(root, "rev-parse", "HEAD").strip()
    found = [
        Found(commit, _changed_code(root, commit), baseline == head)
        for baseline, commit in there(name, root).items()
    ]
    return max(found, key=lambda one: (not one.other_code, one.of_head), default=None)


def there(name: str, root: Path = ROOT) -> dict[str, str]:
    """The commits of the experiments of that name, newest first, by the commit it started from."""
    found = {}
    order = ("--sort=-creatordate", "--format=%(refname) %(objectname)")
    for line in git(root, "for-each-ref", *order, "refs/exps").splitlines():
        reference, _, commit = line.partition(" ")
        parts = reference.split("/")  # refs/exps/ab/cdef…/name
        if len(parts) == 5 and parts[4] == name:
            found[parts[2] + parts[3]] = commit
    return found


def remove(name: str, root: Path = ROOT) -> None:
    """Take an experiment out of git; its results stay in DVC's cache."""
    if (ran := dvc(root, "exp", "remove", "--quiet", name)).returncode != 0:
        raise ValueError(f"dvc exp remove failed: {ran.stderr.strip()}")


def _changed_code(root: Path, commit: str) -> tuple[str, ...]:
    """Files of the stages that are not as in `commit`."""
    stages = read_yaml(root / "dvc.yaml")["stages"].values()
    deps = {dep for stage in stages for dep in stage["deps"] if dep.startswith(("src/", "stages/"))}
    changed = git(root, "diff", "--name-only", commit, "--", "dvc.yaml", *sorted(deps))
    return tuple(changed.splitlines())
