"""`dvc pull`, with the names of the results that it refuses or cannot find."""

from typing import TYPE_CHECKING

from lm_geometry.remotes.audit import Fault, audit
from lm_geometry.remotes.objects import outs_of
from lm_geometry.remotes.places import cache_of, remote_of
from lm_geometry.remotes.transfer import transfer

if TYPE_CHECKING:
    from dvc.repo import Repo


def refuse_empty(repo: "Repo", remote: str | None, targets: list[str]) -> None:
    """Raises ValueError, in one sentence, where the remote has none of what is not here yet."""
    cache, far = cache_of(repo), remote_of(repo, remote)
    oids = {out.oid for out in outs_of(repo, targets)}
    here = {oid for oid, seen in cache.all_seen(oids, quick=True).items() if seen}
    there = {oid for oid, seen in far.all_seen(oids - here, quick=True).items() if seen}
    if oids - here and not there:
        raise ValueError(f"the {far.name} has none of these results: `dvc repro` rebuilds them")


def refuse_unverified(repo: "Repo", remote: str | None) -> None:
    """Raises ValueError where DVC would take from the remote whatever it returns."""
    name = remote or repo.config["core"].get("remote")
    if name in repo.config["remote"] and not repo.config["remote"][name].get("verify"):
        raise ValueError(
            f"what comes from the remote {name} would not be verified: "
            f"`dvc remote modify {name} verify true`"
        )


def pull(repo: "Repo", remote: str | None, targets: list[str], jobs: int | None) -> list[Fault]:
    """What was not brought: empty where `dvc pull` brought everything, each object verified."""
    refuse_unverified(repo, remote)
    refuse_empty(repo, remote, targets)
    if transfer(repo, "pull", remote, targets, jobs) == 0:
        return []
    found = audit(repo, remote=remote, targets=targets)
    missing = {item.oid for item in found.items if not found.whole(found.cache, item.oid)}
    return [fault for fault in found.faults if fault.item.oid in missing]
