"""The objects that dvc.lock (and every .dvc file) names: files, and the listings of folders."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lm_geometry.remotes.places import Place

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage

LISTING = ".dir"


@dataclass(frozen=True)
class Out:
    """An out of a stage as dvc.lock has it; `pushed` is false where dvc.yaml says push: false."""

    path: str
    stage: str
    oid: str
    size: int | None
    pushed: bool

    @property
    def is_folder(self) -> bool:
        """Whether the object is a listing, which names those of the files."""
        return self.oid.endswith(LISTING)

    def is_meant_by(self, targets: list[str]) -> bool:
        """Whether a target is its stage, its path, or a path below or above; all, where none is."""
        return not targets or any(
            target == self.stage or _within(target, self.path) or _within(self.path, target)
            for target in (target.rstrip("/") for target in targets)
        )


@dataclass(frozen=True)
class Item:
    """One object of an out: the file at `path`, or the listing of the folder there."""

    oid: str
    path: str
    out: Out

    @property
    def is_listing(self) -> bool:
        """Whether it is the listing of its out."""
        return self.oid.endswith(LISTING)

    @property
    def size(self) -> int | None:
        """Bytes, where dvc.lock tells: not of the files of a folder."""
        return self.out.size if self.oid == self.out.oid and not self.is_listing else None

    def __str__(self) -> str:
        return f"the listing of {self.path}" if self.is_listing else self.path


def outs_of(repo: "Repo", targets: list[str]) -> list[Out]:
    """Every cached out of the project that was run; raises ValueError where there is none."""
    found = [_as_locked(repo, out) for out in repo.index.outs if out.use_cache and out.hash_info]
    meant = [out for out in found if out.is_meant_by(targets)]
    if not meant:
        wanted = f" of {', '.join(targets)}" if targets else ""
        raise ValueError(f"dvc.lock names no result{wanted}: `dvc repro` makes them")
    return sorted(meant, key=lambda out: out.path)


def items_of(out: Out, places: list[Place]) -> Iterator[Item]:
    """The objects of an out, as far as a whole listing is in one of the places."""
    yield Item(out.oid, out.path, out)
    if not out.is_folder:
        return
    for place in places:
        seen = place.seen(out.oid)
        if seen is not None and seen.is_whole(out.oid):
            for entry in json.loads(place.read(out.oid)):
                yield Item(entry["md5"], f"{out.path}/{entry['relpath']}", out)
            return


def stage_name(repo: "Repo", stage: "Stage") -> str:
    """Name of a stage of dvc.yaml, or path of a .dvc file, wherever the command is run."""
    name = getattr(stage, "name", None)
    return str(name) if name else repo.fs.relpath(stage.path, repo.root_dir)


def _as_locked(repo: "Repo", out: "Output") -> Out:
    path = repo.fs.relpath(out.fs_path, repo.root_dir)
    size = out.meta.size if out.meta else None
    oid = str(out.hash_info.value) if out.hash_info else ""
    return Out(path, stage_name(repo, out.stage), oid, size, out.can_push)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
