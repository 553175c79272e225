"""What is of another size than dvc.lock says, and what of the workspace is of another content."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lm_geometry.remotes.objects import Item, Out
from lm_geometry.remotes.places import Place, Seen, seen_at

Sizes = Mapping[Item, int | None]  # None of what is not there


@dataclass(frozen=True)
class Changed:
    """A file of the workspace that is not what dvc.lock names."""

    item: Item
    size: int

    def __str__(self) -> str:
        of = f" of {self.item.out.path}" if self.item.path != self.item.out.path else ""
        made = f"made by {self.item.out.stage}, {self.size:,} bytes"
        return f"changed in the workspace: {self.item}{of}, {made}"


def unlike(items: Iterable[Item], seen: Mapping[str, Seen | None]) -> set[str]:
    """Objects of a place that are to be read: of an out whose bytes are not as many as recorded."""
    sizes = {item: found.size if (found := seen.get(item.oid)) else None for item in items}
    return {item.oid for item in _doubtful(sizes)}


def changed(
    items: Iterable[Item], root: Path, cache: Place, cached: Mapping[str, Seen | None], quick: bool
) -> list[Changed]:
    """Files of the workspace that are not what dvc.lock names; `quick`: as far as sizes tell.

    What was never checked out is no fault. Of a folder from which some are missing each is as
    large as in the cache. Otherwise all are read, also those whose time of change is as it was,
    but for links into the cache, which was read.
    """
    sizes = {item: _size(root / item.path) for item in items}
    other = {
        item
        for item, size in sizes.items()
        if not item.is_listing and (known := cached.get(item.oid)) and known.size != size
    }
    looked_at = other | _doubtful(sizes)
    if not quick:
        looked_at |= {item for item in sizes if not _is_in(cache, item, root / item.path)}
    return [
        Changed(item, size)
        for item, size in sizes.items()
        if size is not None and item in looked_at and not item.is_listing
        if not _is_whole(root / item.path, item)
    ]


def _doubtful(sizes: Sizes) -> set[Item]:
    """Files of outs whose bytes are not as many as recorded.

    Of the files of a folder dvc.lock has the sum alone; where one is missing, that tells nothing.
    """
    files: dict[Out, dict[Item, int | None]] = defaultdict(dict)
    for item, size in sizes.items():
        if not item.is_listing:
            files[item.out][item] = size
    return {
        item
        for out, of in files.items()
        if out.size is not None and None not in of.values()
        if sum(size or 0 for size in of.values()) != out.size
        for item in of
    }


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def _is_in(cache: Place, item: Item, file: Path) -> bool:
    try:
        return file.samefile(cache.path(item.oid))
    except OSError:
        return False


def _is_whole(file: Path, item: Item) -> bool:
    from dvc.fs import localfs

    return seen_at(localfs, str(file)).is_whole(item.oid)
