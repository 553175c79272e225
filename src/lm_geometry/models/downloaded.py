"""What the downloads folder holds: checked by its record when a process first uses it.

Hashing takes a second for 1.5 GB and brings into memory what is loaded next. Whoever can write
there can write a record too: so all of it is this user's, or root's, and lies where it seems to.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lm_geometry.models.local_files import SourceError
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.manifest import is_whole, manifest_of, write_manifest

_verified: set[Path] = set()


def verified(place: Path) -> bool:
    """Whether a file or folder of the downloads folder is there and as it was made.

    Raises SourceError where it is another user's, or is or stands in a link to somewhere else.
    """
    if place not in _verified:
        _refuse_foreign(place)
    if place not in _verified and is_whole(place):
        _verified.add(place)
    return place in _verified and place.exists()


def _refuse_foreign(place: Path) -> None:
    """A link to the downloads folder itself may be the user's own, and is followed."""
    how = "set LM_GEOMETRY_DOWNLOADS to a folder of your own, or delete it"
    for part in _parts(place):
        if part.lstat().st_uid not in (os.getuid(), 0):
            raise SourceError(
                f"{part} belongs to another user, who may change what it holds: {how}"
            )
    for part in (place.parent, place):
        if part.is_symlink():
            raise SourceError(f"{part} is a link to {part.readlink()}: {how}")


def _parts(place: Path) -> Iterator[Path]:
    """The downloads folder, the folder in it, the place in that, and all below; what is there."""
    above = place.parents[1]
    yield from (part for part in (above, above.resolve(), place.parent) if part.exists())
    if place.exists() and not place.is_symlink():
        yield from (place, *place.rglob("*"))


def record(made: Path, place: Path) -> None:
    """Record what is about to be moved from where it was made to its place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(made)
    manifest_of(made).replace(manifest_of(place))


def content_hash(file: Path) -> str:
    """SHA-256 of a file, which is read once as long as its size and time of change stay."""
    seen = file.stat()
    return _hash(file, seen.st_size, seen.st_mtime_ns)


@cache
def _hash(file: Path, size: int, changed: int) -> str:
    return path_hash(file)
