"""Finished cells of an unfinished stage, kept outside DVC's outs so that a kill loses nothing.

DVC deletes a stage's outs before it runs the stage. A cell (say, the hidden states of one
checkpoint and corpus split) is therefore finished in the scratch folder, under a key made of
everything that it depends on, and linked into the outs when all cells are there. It stays until
its files are in DVC's cache, which is looked up when the next stage begins: what fails or is killed
between the last cell and DVC's commit computes none of them again.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lm_geometry.workspace.dvc_cache import objects
from lm_geometry.workspace.files import free_space, link, read_json, write_json
from lm_geometry.workspace.hashes import library_versions, value_hash
from lm_geometry.workspace.inputs import running_code
from lm_geometry.workspace.machine import scratch
from lm_geometry.workspace.manifest import (
    described_by,
    is_whole,
    manifest_of,
    read_manifest,
    write_manifest,
)

PUBLISHED = "published.json"  # MD5 of each file in the outs, once all cells are there
RECORDS = manifest_of(Path("*")).name
LOCKS, LOOKED = ".locks", 0.1  # seconds from one look at a lock that another holds to the next

_opened: list["Cells"] = []  # by the stage of this process


class Cells:
    """The scratch folder of one stage run: same inputs, same folder."""

    def __init__(self, stage: str, inputs: Mapping[str, object]) -> None:
        described = {"code": running_code(stage), "libraries": library_versions(), **inputs}
        self.key = value_hash(described)
        self.folder = scratch() / stage / self.key[:24]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._in_outs: set[str] = set()
        _opened.append(self)

    def path(self, *names: str) -> Path:
        """Where the cell of these names is, or will be once it is finished."""
        return self.folder.joinpath(*names)

    def finish(self, *names: str) -> None:
        """Record what a cell, file or folder, holds now that it is finished."""
        write_manifest(self.path(*names), "md5")  # the hash by which DVC's cache knows it

    def is_recorded(self, *names: str) -> bool:
        """Whether a cell was finished, by its record alone: its files are not read."""
        return manifest_of(self.path(*names)).exists()

    def check_recorded(self, names: Sequence[str]) -> None:
        """Remove cells that were finished together, where one is not what it was then."""
        if all(map(self.is_recorded, names)) and not all(map(self.has, names)):
            for name in names:
                self.forget(name)

    def is_finished(self, *names: str) -> bool:
        """Whether the cell is finished and what it was then; another may be writing it now."""
        return is_whole(self.path(*names))

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Keeps other processes, on nodes that share the folder as well, from a cell meanwhile.

        The lock goes with the process, however that ends. A file system without locks has none:
        cells are then computed twice at worst, with the same bytes.
        """
        import fcntl

        place = self.path(LOCKS, value_hash(name)[:24])
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(LOOKED)
                    continue
                except OSError:
                    pass
                break
            yield

    def sweep(self, *names: str) -> None:
        """Remove what processes that were killed left of a cell that they were writing."""
        path = self.path(*names)
        for left in path.parent.glob(f".{path.name}.*.tmp"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def forget(self, *names: str) -> None:
        """Remove a cell, its record first, so that no half of it is taken for one."""
        path = self.path(*names)
        manifest_of(path).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def has(self, *names: str) -> bool:
        """Whether the cell is finished and what it was then; one that is not is removed."""
        path = self.path(*names)
        if is_whole(path):
            return True
        if path.exists():
            print(f"{path} is unfinished or damaged: it is made again", flush=True)
        self.forget(*names)
        return False

    def publish(self, *names: str, to: Path) -> None:
        """Link (or copy) a finished cell, file or folder, to its place in an out."""
        source = self.path(*names)
        manifest = read_manifest(source)
        if manifest is None:
            raise FileNotFoundError(f"{source}: this cell is not finished")
        for name in sorted(manifest["files"], key=lambda name: Path(name).name == "meta.json"):
            target = to / name if name != "." else to
            target.parent.mkdir(parents=True, exist_ok=True)
            link(source / name if name != "." else source, target)
        self._in_outs |= {md5 for _, md5 in manifest["files"].values()}

    def published(self) -> None:
        """Mark that every cell is in the outs: they go once DVC's cache has them."""
        write_json(self.path(PUBLISHED), sorted(self._in_outs))

    def forget_damaged(self, *within: str) -> None:
        """Forget all cells where one, here or in a folder `within`, is not what it was.

        For a stage that can make none of them again without the others.
        """
        for folder in (self.folder, *map(self.path, within)):
            for record in folder.glob(RECORDS):
                path = described_by(record)
                if not is_whole(path):
                    print(f"{path} is damaged: all of {self.folder} is made again", flush=True)
                    self.clear()
                    self.folder.mkdir(parents=True, exist_ok=True)
                    return

    def clear(self) -> None:
        """Forget every cell."""
        shutil.rmtree(self.folder, ignore_errors=True)


def forget_opened() -> None:
    """Forget the cells of this process, whose inputs were edited under it."""
    for cells in _opened:
        cells.clear()
    _opened.clear()


def clear_saved() -> None:
    """Forget the cells of earlier runs that were published and are in DVC's cache by now."""
    marks = [*scratch().glob(f"*/*/{PUBLISHED}")]
    if not marks:
        return
    cache = objects()
    for mark in marks:
        if all((cache / md5[:2] / md5[2:]).exists() for md5 in read_json(mark)):
            shutil.rmtree(mark.parent, ignore_errors=True)


def room_for_cells(needed: int, stage: str, out: Path, what: str) -> None:
    """Print how many bytes an out takes; raises OSError where they are not there.

    Cells are written to the scratch folder first, which may be on another disk, and have some
    already.
    """
    free_space(needed, out, what)
    place = scratch()
    place.mkdir(parents=True, exist_ok=True)
    if place.stat().st_dev != out.stat().st_dev:
        there = sum(file.stat().st_size for file in (place / stage).rglob("*") if file.is_file())
        told = f"{what}, first in the scratch folder (LM_GEOMETRY_SCRATCH)"
        free_space(max(0, needed - there), place, told)
