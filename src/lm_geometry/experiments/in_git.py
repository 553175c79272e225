"""What git has of experiments, and what of this working tree their clones would not have.

An experiment is known by a name that tells its parameters. DVC ends well where the disk was full:
of one that it took for done, results may be lost.
"""

import json
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from lm_geometry.experiments.committed import FILE
from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.experiments.outcomes import Outcome, State
from lm_geometry.revisions.programs import dvc, git
from lm_geometry.workspace.paths import source_and_name
from lm_geometry.workspace.section import ROOT, read_yaml

# What `lm-geometry keep` writes travels with each job, as DVC's own clones take it along.
CARRIED = ("catalogue/models.yaml", "models/")
# A study's file has become overrides when a job is made, no stage reads results of studies, and
# experiments start from the committed parameters.
UNREAD = ("studies/", FILE)
CODE = ("src/", "stages/")
CLONED = "an experiment of a study runs in a clone"
_WITHIN = re.compile(r'"file:([^/~$"][^"]*)"')  # a relative path among values as JSON
_WORDS = {"??": "not in git", "D": "deleted", "A": "added", "R": "renamed"}


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


def checked(outcome: Outcome, root: Path = ROOT) -> Outcome:
    """The outcome, which is `lost` where DVC took an experiment for done that it could not save.

    Such an experiment is removed from git, so that the same command runs it again.
    """
    if outcome.state is not State.DONE:
        return outcome
    commit = there(outcome.name, root).get(git(root, "rev-parse", "HEAD").strip())
    gone = lacking(commit, root) if commit else []
    if not gone:
        return outcome
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    if outcome.log:
        with outcome.log.open("a", encoding="utf-8") as log:
            log.write(
                f"DVC's cache lacks {gone[0]}{more}, though DVC reported no error: was the disk "
                "full? The experiment was removed; the same command runs it again.\n"
            )
    if (ran := dvc(root, "exp", "remove", "--quiet", outcome.name)).returncode != 0:
        raise ValueError(f"dvc exp remove failed: {ran.stderr.strip()}")
    return replace(outcome, state=State.LOST)


def lacking(commit: str, root: Path = ROOT) -> list[str]:
    """Paths of the results of a revision whose objects the cache lacks, or has in part."""
    from dvc.repo import Repo

    from lm_geometry.remotes.objects import items_of, outs_of
    from lm_geometry.remotes.places import cache_of

    with Repo(str(root), rev=commit) as repo:
        cache = cache_of(repo)
        items = [item for out in outs_of(repo, []) for item in items_of(out, [cache])]
        seen = cache.all_seen((item.oid for item in items), quick=True)
    sizes = {oid: there.size for oid, there in seen.items() if there is not None}
    return [str(i) for i in items if i.oid not in sizes or i.size not in (None, sizes[i.oid])]


def _changed_code(root: Path, commit: str) -> tuple[str, ...]:
    """Files of the stages that are not as in `commit`."""
    stages = read_yaml(root / "dvc.yaml")["stages"].values()
    deps = {dep for stage in stages for dep in stage["deps"] if dep.startswith(("src/", "stages/"))}
    changed = git(root, "diff", "--name-only", commit, "--", "dvc.yaml", *sorted(deps))
    return tuple(changed.splitlines())


def refuse_dirty(root: Path = ROOT) -> None:
    """Raises ValueError naming each file that differs from HEAD and would be missed in a clone.

    Files that git ignores are not looked at: data are in DVC's cache, and `.env` is read here.
    """
    dirty = {
        path: _WORDS.get(code.strip(), "changed")
        for path, code in changes(root).items()
        if not path.startswith((*CARRIED, *UNREAD))
    }
    end = "commit these files, or take them away: git stash --include-untracked"
    _refuse("a job works in a clone of the last commit", dirty, end)


def refuse_untracked_code(root: Path = ROOT) -> None:
    """Raises ValueError naming each new file of the code that one of DVC's clones would miss.

    DVC takes along what changed since HEAD where git knows the file, be it by `git add` alone.
    """
    new = [path for path, code in changes(root).items() if code == "??" and path.startswith(CODE)]
    end = f"add them to git, or take them away: git add {shlex.join(new)}"
    _refuse(CLONED, dict.fromkeys(new, _WORDS["??"]), end)


def carried(root: Path = ROOT) -> dict[str, bytes]:
    """The contents, by path, of what `lm-geometry keep` wrote and was not committed."""
    return {
        path: (root / path).read_bytes()
        for path in changes(root)
        if path.startswith(CARRIED) and (root / path).is_file()
    }


def refuse_untracked_sources(experiments: list[Experiment], root: Path = ROOT) -> None:
    """Raises ValueError for each `file:` of a parameter that no clone would have.

    That is a path within the project which is not in git; absolute ones elsewhere are read there.
    """
    project = Project.read(root)
    params = [project.params_of(one.overrides) for one in experiments]
    found = _WITHIN.findall(json.dumps(params, ensure_ascii=False))
    named = sorted({source_and_name(f"file:{path}")[0].removeprefix("file:") for path in found})
    missing = [path for path in named if not git(root, "ls-files", "--", path)]
    own = {f"file:{path}": "not in git" for path in missing}
    _refuse(CLONED, own, "give the absolute path, or add it to git")


def _refuse(where: str, files: dict[str, str], end: str) -> None:
    if files:
        listed = "\n".join(f"  {path}: {why}" for path, why in files.items())
        raise ValueError(f"{where}, which would not have\n{listed}\n{end}")


def changes(root: Path) -> dict[str, str]:
    """git's two letters for each path that is not as in HEAD; new files singly."""
    listed = git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
    return {line[3:]: line[:2] for line in listed.split("\0") if line}
