"""States of the neighbours found so far, a file for each shard and layer, thinned out as they go.

What has left the lists of all queries is dropped of its file once a fifth of the file has; in the
end the files are copied into one array, ordered by rows, each removed when its rows are there, so
that the disk holds the states once. Every step may be interrupted, and is taken again.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from lm_geometry.point_cloud.shapes import Float32, Int64
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.files import whole_file

LIVE = 0.8  # least share of a file's rows that are still needed


class Segments:
    """The files of one layer below a folder."""

    def __init__(self, folder: Path, layer: str) -> None:
        self.folder, self.layer = folder, layer

    def write(
        self,
        shard: int,
        rows: Int64[np.ndarray, "rows"],
        vectors: Float32[np.ndarray, "rows width"],
    ) -> None:
        """Keep the states of a shard's `rows`, which ascend."""
        path = self.folder / f"{self.layer}-shard-{shard:06d}.npz"
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, rows=rows, vectors=vectors)

    def thin_out(self, needed: Int64[np.ndarray, "needed"], shards: Collection[int]) -> None:
        """Drop what is no longer needed of some shards, where a file has much of it."""
        for path in [path for path in self._files() if _shard(path) in shards]:
            with np.load(path) as segment:
                rows = segment["rows"]
                kept = np.isin(rows, needed)
                if kept.sum() >= LIVE * len(rows):
                    continue
                vectors = segment["vectors"][kept]
            self.write(_shard(path), rows[kept], vectors)

    def gather(self, needed: Int64[np.ndarray, "needed"], width: int, target: Path) -> None:
        """Move the states of the rows `needed` to `target`, `[needed, width]`."""
        part, held = (self.folder / f"{self.layer}-{name}.npy" for name in ("part", "held"))
        shape = (len(needed), width)
        if target.exists():
            return
        if not part.exists():  # one that is there holds the files that are not
            new = part.with_suffix(".tmp")
            open_memmap(new, mode="w+", dtype=np.float32, shape=shape).flush()
            write_array(held, np.zeros(len(needed), np.bool_))
            new.replace(part)
        vectors, there = np.load(part, mmap_mode="r+"), np.load(held, mmap_mode="r+")
        for path in self._files():
            with np.load(path) as segment:
                rows, own = segment["rows"], segment["vectors"]
            kept = np.flatnonzero(np.isin(rows, needed))
            places = np.searchsorted(needed, rows[kept])
            vectors[places], there[places] = own[kept], True
            vectors.flush()
            there.flush()
            path.unlink()
        if not there.all():
            raise RuntimeError(f"{part} lacks {np.sum(~there)} states: remove {self.folder}")
        part.replace(target)
        held.unlink()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.layer}-shard-*.npz"))


def _shard(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
