"""The two places of objects: DVC's cache on this machine, and a remote of any kind.

Both are dvc-data's object databases over fsspec file systems, so that a directory, SSH, S3, Google
Cloud Storage and Azure are read and written in one way.
"""

import hashlib
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dvc.repo import Repo

BLOCK = 2**20
HOUR = 3600.0
AT_A_TIME = 8
PINNED = ("azure", "gs", "s3", "ssh")  # kinds whose packages are in requirements/


@dataclass(frozen=True)
class Seen:
    """What lies under an object's name: its bytes, and their MD5 (None: not read)."""

    size: int
    md5: str | None

    def is_whole(self, oid: str) -> bool:
        """Whether the content is what the name says; taken on trust where it was not read."""
        return self.md5 is None or self.md5 == oid.removesuffix(".dir")


class Place:
    """A cache or remote, whose objects are named by the MD5 of their content."""

    def __init__(self, name: str, odb: Any) -> None:
        self.name = name
        self.odb = odb
        self.fs = odb.fs

    def path(self, oid: str) -> str:
        """Where the object lies on the place's file system."""
        return str(self.odb.oid_to_path(oid))

    def read(self, oid: str) -> bytes:
        """The content, as it is; raises FileNotFoundError where there is none."""
        with self.fs.open(self.path(oid), "rb") as file:
            return bytes(file.read())

    def seen(self, oid: str, quick: bool = False) -> Seen | None:
        """What lies there, read from end to end unless `quick`; None where nothing does."""
        try:
            if quick:
                return Seen(int(self.fs.info(self.path(oid))["size"]), None)
            return seen_at(self.fs, self.path(oid))
        except FileNotFoundError:
            return None

    def all_seen(self, oids: Iterable[str], quick: bool = False) -> dict[str, Seen | None]:
        """What lies under each name, several read at a time."""
        wanted = sorted(set(oids))
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            found = pool.map(lambda oid: self.seen(oid, quick), wanted)
            return dict(zip(wanted, found, strict=True))

    def replace(self, oid: str, fs: Any, path: str) -> None:
        """Put the file at `path` of `fs` in the object's place, whatever lies there."""
        self.remove(oid)
        self.odb.add(path, fs, oid, check_exists=False)

    def unfinished(self) -> list[str]:
        """Paths of what killed transfers left; one that may go on, of the last hour, is none."""
        if str(self.fs.protocol).startswith("http"):  # nothing is written there, nor listed
            return []
        named = [path for path in self.fs.find(str(self.odb.path)) if path.endswith(".tmp")]
        return [path for path in named if time.time() - _changed(self.fs.info(path)) > HOUR]

    def remove(self, oid: str) -> None:
        """Take the object away, if it is there."""
        if self.fs.exists(self.path(oid)):
            self.fs.remove(self.path(oid))


def _changed(info: dict[str, Any]) -> float:
    """When a file was changed last, in seconds since 1970, however its file system says so."""
    found = info.get("mtime") or info.get("LastModified") or time.time()
    return found.timestamp() if isinstance(found, datetime) else float(found)


def seen_at(fs: Any, path: str) -> Seen:
    """Size and MD5 of a file; raises FileNotFoundError."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with fs.open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return Seen(size, digest.hexdigest())


def cache_of(repo: "Repo") -> Place:
    """DVC's cache, wherever `dvc cache dir` put it."""
    return Place("cache", repo.cache.local)


def remote_of(repo: "Repo", name: str | None = None) -> Place:
    """The remote of that name, or the default one; raises ValueError where it cannot be used."""
    from dvc.config import ConfigError

    chosen = name or repo.config["core"].get("remote")
    try:
        odb = repo.cloud.get_remote_odb(name, "audit")
        place = Place(f"remote {chosen} ({shown_url(repo, str(chosen))})", odb)
    except ImportError:  # of dvc-s3, dvc-ssh …
        kind = shown_url(repo, str(chosen)).partition("://")[0]
        needed = f"-r requirements/{kind}.txt" if kind in PINNED else f"dvc-{kind}"
        raise ValueError(
            f"remote {chosen} is of a kind that needs more: pip install {needed}"
        ) from None
    except ConfigError as error:
        raise ValueError(str(error)) from None
    try:
        place.fs.info(odb.path)
    except FileNotFoundError:
        pass  # nothing was pushed yet
    except Exception as error:  # each kind of remote has errors of its own
        raise ValueError(f"the {place.name} cannot be reached: {error}") from error
    return place


def shown_url(repo: "Repo", name: str) -> str:
    """The remote's address, as a path where it is a folder."""
    url = str(repo.config["remote"][name]["url"])
    return url if "://" in url else os.path.normpath(Path(repo.root_dir, ".dvc", url))
