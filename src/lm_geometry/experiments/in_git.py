"""Experiments as git has them, by a name that tells the parameters, and DVC's cache their results.

DVC ends well where the disk was full: what it took for done may be lost.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from lm_geometry.experiments.outcomes import Outcome, State
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
