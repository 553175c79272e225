"""Whether DVC's cache has all that an experiment made: DVC ends well where the disk was full."""

from dataclasses import replace
from pathlib import Path

from lm_geometry.experiments.in_git import remove, there
from lm_geometry.experiments.outcomes import Outcome, State
from lm_geometry.revisions.programs import git
from lm_geometry.workspace.section import ROOT


def checked(outcome: Outcome, root: Path = ROOT) -> Outcome:
    """The outcome, which is `lost` where DVC took an experiment for done that it could not save.

    Such an experiment is removed, so that the same command runs it again.
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
    remove(outcome.name, root)
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
