"""What the downloads folder holds: checked by its record when a process first uses it.

Hashing takes a second for 1.5 GB and brings into memory what is loaded next.
"""

from functools import cache
from pathlib import Path

from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.manifest import is_whole, manifest_of, write_manifest

_verified: set[Path] = set()


def verified(place: Path) -> bool:
    """Whether a file or folder of the downloads folder is there and as it was made."""
    if place not in _verified and is_whole(place):
        _verified.add(place)
    return place in _verified and place.exists()


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
