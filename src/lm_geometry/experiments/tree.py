"""What of this working tree the clone of an experiment would have, and what it would not."""

import json
import re
import shlex
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project
from lm_geometry.revisions.programs import git
from lm_geometry.workspace.section import ROOT

# What `lm-geometry keep` writes travels with each job, as DVC's own clones take it along.
CARRIED = ("catalogue/models.yaml", "models/")
# A study's file has become overrides when a job is made, and no stage reads results of studies.
UNREAD = ("studies/",)
CODE = ("src/", "stages/")
CLONED = "an experiment of a study runs in a clone"
_WITHIN = re.compile(r'"file:([^/~$"][^"]*)"')  # a relative path among values as JSON
_WORDS = {"??": "not in git", "D": "deleted", "A": "added", "R": "renamed"}


def refuse_dirty(root: Path = ROOT) -> None:
    """Raises ValueError naming each file that differs from HEAD and would be missed in a clone.

    Files that git ignores are not looked at: data are in DVC's cache, and `.env` is read here.
    """
    dirty = {
        path: _WORDS.get(code.strip(), "changed")
        for path, code in _changes(root).items()
        if not path.startswith((*CARRIED, *UNREAD))
    }
    end = "commit these files, or take them away: git stash --include-untracked"
    _refuse("a job works in a clone of the last commit", dirty, end)


def refuse_untracked_code(root: Path = ROOT) -> None:
    """Raises ValueError naming each new file of the code that one of DVC's clones would miss.

    DVC takes along what changed since HEAD where git knows the file, be it by `git add` alone.
    """
    new = [path for path, code in _changes(root).items() if code == "??" and path.startswith(CODE)]
    end = f"add them to git, or take them away: git add {shlex.join(new)}"
    _refuse(CLONED, dict.fromkeys(new, _WORDS["??"]), end)


def carried(root: Path = ROOT) -> dict[str, bytes]:
    """The contents, by path, of what `lm-geometry keep` wrote and was not committed."""
    return {
        path: (root / path).read_bytes()
        for path in _changes(root)
        if path.startswith(CARRIED) and (root / path).is_file()
    }


def refuse_untracked_sources(experiments: list[Experiment], root: Path = ROOT) -> None:
    """Raises ValueError for each `file:` of a parameter that no clone would have.

    That is a path within the project which is not in git; absolute ones elsewhere are read there.
    """
    project = Project.read(root)
    params = [project.params_of(one.overrides) for one in experiments]
    named = sorted(set(_WITHIN.findall(json.dumps(params, ensure_ascii=False))))
    missing = [path for path in named if not git(root, "ls-files", "--", path)]
    own = {f"file:{path}": "not in git" for path in missing}
    _refuse(CLONED, own, "give the absolute path, or add it to git")


def _refuse(where: str, files: dict[str, str], end: str) -> None:
    if files:
        listed = "\n".join(f"  {path}: {why}" for path, why in files.items())
        raise ValueError(f"{where}, which would not have\n{listed}\n{end}")


def _changes(root: Path) -> dict[str, str]:
    """git's two letters for each path that is not as in HEAD; new files singly."""
    listed = git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
    return {line[3:]: line[:2] for line in listed.split("\0") if line}
