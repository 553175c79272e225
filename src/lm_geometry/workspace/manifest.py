"""What a finished file or folder holds: a record beside it, compared when it is used.

Sizes and hashes tell a cut or flipped file from a whole one. Hashing costs a second for 1.5 GB
(SHA-256) or 0.5 GB (MD5) on one core; what is hashed is read right after, from memory.
"""

import hashlib
from pathlib import Path
from typing import Literal, TypedDict

from lm_geometry.workspace.files import read_json, write_json

Algorithm = Literal["sha256", "md5"]


class Manifest(TypedDict):
    """Size and hash of every file by its path within; a single file has the path ``.``."""

    algorithm: Algorithm
    files: dict[str, tuple[int, str]]


def manifest_of(path: Path) -> Path:
    """Where the record of a file or folder is."""
    return path.with_name(f".{path.name}.manifest.json")


def described_by(record: Path) -> Path:
    """The file or folder whose record this is."""
    return record.with_name(record.name[1:].removesuffix(".manifest.json"))


def write_manifest(path: Path, algorithm: Algorithm = "sha256") -> Manifest:
    """Record what a finished file or folder holds."""
    files = {name: _seen(file, algorithm) for name, file in _files(path).items()}
    manifest: Manifest = {"algorithm": algorithm, "files": files}
    write_json(manifest_of(path), manifest)
    return manifest


def read_manifest(path: Path) -> Manifest | None:
    """The record of a file or folder; None where there is none that can be read."""
    try:
        found = read_json(manifest_of(path))
        files = {str(name): (int(size), str(hash)) for name, (size, hash) in found["files"].items()}
        return {"algorithm": found["algorithm"], "files": files}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def is_whole(path: Path) -> bool:
    """Whether a file or folder is what its record says: no file more, less, linked or other."""
    manifest = read_manifest(path)
    if manifest is None or not path.exists():
        return False
    recorded, there = manifest["files"], _files(path)
    if recorded.keys() != there.keys() or any(file.is_symlink() for file in there.values()):
        return False
    if any(file.stat().st_size != recorded[name][0] for name, file in there.items()):
        return False
    algorithm = manifest["algorithm"]
    return all(_seen(file, algorithm) == recorded[name] for name, file in there.items())


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {".": path}
    files = sorted(file for file in path.rglob("*") if not file.is_dir())
    return {file.relative_to(path).as_posix(): file for file in files}


def _seen(file: Path, algorithm: Algorithm) -> tuple[int, str]:
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, algorithm).hexdigest()
