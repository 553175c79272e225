"""`dvc push` that ends with a remote which has everything (see `transfer`)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lm_geometry.remotes.audit import Audit, audit
from lm_geometry.remotes.mending import mend
from lm_geometry.remotes.objects import Item
from lm_geometry.remotes.transfer import transfer

if TYPE_CHECKING:
    from dvc.repo import Repo


def push(
    repo: "Repo",
    remote: str | None,
    targets: list[str],
    jobs: int | None,
    say: Callable[[str], None],
) -> list[Item]:
    """What the remote lacks of what the cache has: empty where everything was sent.

    What DVC takes for sent and is not there is sent file by file, and said.
    """
    status = transfer(repo, "push", remote, targets, jobs)

    def look() -> Audit:
        found = audit(repo, remote=remote, quick=True, targets=targets)
        sendable = [
            fault
            for fault in found.faults
            if fault.place is found.remote and found.whole(found.cache, fault.item.oid)
        ]
        return replace(found, faults=sendable)

    found = look()
    if status == 0 and found.faults:
        mend(found, look, repo, say)
        found = look()
    return [*(fault.item for fault in found.faults), *found.to_push]
