"""Mending what an audit found: from the other place, or from the files of the workspace."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.remotes.audit import Audit, Fault
from lm_geometry.remotes.places import HOUR, Place, seen_at
from lm_geometry.remotes.uploads import abort, unfinished_uploads

if TYPE_CHECKING:
    from dvc.repo import Repo

WORKSPACE = "workspace"
_UNFINISHED = re.compile(r"\.[\w-]{22}\.tmp")  # dvc-objects' own, by a short UUID


def mend(
    found: Audit, look: Callable[[], Audit], repo: "Repo", say: Callable[[str], None]
) -> list[Fault]:
    """The faults that are left, after every other was mended and read back.

    `look` audits again: what a folder needs is known once its listing is mended. What is whole
    nowhere is taken away, in the remote with the listing of its folder: DVC then knows that it
    has to be made and pushed again, where it would have been taken for good.
    """
    lost = [fault for fault in found.faults if fault.item.is_listing]
    mended = [_mended(found, repo, fault, say) for fault in lost]
    if any(mended):
        found = look()
    # the cache first, so that the remote can be mended from it
    faults = sorted(found.faults, key=lambda fault: fault.place is found.remote)
    left = [fault for fault in faults if not _mended(found, repo, fault, say)]
    for fault in left:
        if fault.kind != "missing":
            fault.place.remove(fault.item.oid)
        if fault.place is found.remote:
            fault.place.remove(fault.item.out.oid)
    for place in found.places:
        for path in place.unfinished():
            place.fs.remove(path)
            say(f"removed from the {place.name}, what a killed transfer left: {path}")
        _give_up_uploads(place, say)
    for link in unfinished_links(found, Path(repo.root_dir)):
        link.unlink()
        say(f"removed from the {WORKSPACE}, what a killed checkout left: {link}")
    return left


def _give_up_uploads(place: Place, say: Callable[[str], None]) -> None:
    """What is mended already stands, also where a bucket tells nothing of uploads."""
    try:
        for upload in unfinished_uploads(place):
            abort(place, upload)
            say(f"removed from the {place.name}, what a killed transfer left: {upload}")
    except OSError as error:
        say(f"the {place.name} was not asked for uploads that were never finished: {error}")


def unfinished_links(found: Audit, root: Path) -> list[Path]:
    """What DVC made beside an out or in it and never gave its name, an hour ago or more."""
    outs = {root / item.out.path for item in found.items}
    beside = {file for out in outs for file in out.parent.glob(".*.tmp")}
    inside = {file for out in outs if out.is_dir() for file in out.rglob(".*.tmp")}
    named = [file for file in beside | inside if _UNFINISHED.fullmatch(file.name)]
    return sorted(file for file in named if time.time() - file.lstat().st_mtime > HOUR)


def _mended(found: Audit, repo: "Repo", fault: Fault, say: Callable[[str], None]) -> bool:
    source = _source(found, repo, fault)
    if source is not None:
        say(f"mended from the {source}: {fault}")
    return source is not None


def _source(found: Audit, repo: "Repo", fault: Fault) -> str | None:
    """Name of the place that a whole copy was taken from, or None where there is none."""
    oid, place = fault.item.oid, fault.place
    if found.whole(place, oid):
        return place.name  # the same object belongs to two outs
    if fault.item.is_listing and not any(found.whole(other, oid) for other in found.places):
        return _listed_again(repo, fault)
    for name, fs, path in _copies(found, repo, fault):
        place.replace(oid, fs, path)
        found.seen[place.name][oid] = seen = place.seen(oid)
        if seen is not None and seen.is_whole(oid):
            return name
    return None


def _copies(found: Audit, repo: "Repo", fault: Fault) -> Iterator[tuple[str, Any, str]]:
    """Whole copies elsewhere: name of the place, its file system, and the path there."""
    from dvc.fs import localfs

    oid = fault.item.oid
    others: list[Place] = [place for place in found.places if place is not fault.place]
    for place in others:
        if found.whole(place, oid):
            yield place.name, place.fs, place.path(oid)
    path = repo.fs.join(repo.root_dir, fault.item.path)
    if localfs.isfile(path) and seen_at(localfs, path).is_whole(oid):
        yield WORKSPACE, localfs, path


def _listed_again(repo: "Repo", fault: Fault) -> str | None:
    """Write the listing of the workspace's folder, if it is the one that dvc.lock names."""
    from dvc.fs import localfs
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.tree import Tree

    path = repo.fs.join(repo.root_dir, fault.item.path)
    if not localfs.isdir(path):
        return None
    ignored: Any = repo.dvcignore
    _, _, tree = build(repo.cache.local, path, localfs, "md5", ignore=ignored, dry_run=True)
    if not isinstance(tree, Tree) or tree.oid != fault.item.oid:
        return None
    fault.place.remove(fault.item.oid)
    fault.place.odb.add_bytes(fault.item.oid, tree.as_bytes())
    return WORKSPACE
