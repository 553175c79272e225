"""`dvc push` that ends with a remote which has everything, whatever an earlier kill left.

DVC notes on disk what it is about to transfer. A push that is killed while it notes leaves a part,
which the next one takes for the whole: it sends that, and the listings of folders, by which every
later push takes all of their files for sent.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lm_geometry.remotes.audit import Audit, audit
from lm_geometry.remotes.mending import mend
from lm_geometry.remotes.objects import Item

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
    from dvc.cli import main

    repo.drop_data_index()
    options = ["--remote", remote] if remote else []
    options += ["--jobs", str(jobs)] if jobs else []
    status = main(["--cd", repo.root_dir, "push", *options, *targets])

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
