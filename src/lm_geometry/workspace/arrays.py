"""Arrays of one cell: one .npy per layer, streamed to disk, with meta.json written last."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from lm_geometry.workspace.files import whole_file, whole_folder, write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree


@contextlib.contextmanager
def array_folder(
    folder: Path, shapes: dict[str, tuple[int, ...]], meta: Mapping[str, object]
) -> Iterator[dict[str, np.memmap]]:
    """Writable float32 arrays by file name, each of its shape in `shapes`.

    The folder stands at its place, with meta.json, only after the block has ended.
    """
    with whole_folder(folder) as temporary:
        arrays = {
            name: open_memmap(temporary / name, mode="w+", dtype=np.float32, shape=shape)
            for name, shape in shapes.items()
        }
        yield arrays
        for array in arrays.values():
            array.flush()
        described = {name: list(shape) for name, shape in shapes.items()}
        write_json(temporary / "meta.json", {"arrays": described, "dtype": "float32", **meta})


def write_array(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write one small array as .npy, whole or not at all."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def read_meta(folder: Path, tree: Tree = WORKSPACE) -> dict[str, Any]:
    """What `array_folder` recorded; raises FileNotFoundError for a folder that is not complete."""
    return tree.read_json(folder / "meta.json")


def read_array(folder: Path, name: str, tree: Tree = WORKSPACE) -> npt.NDArray[np.float32]:
    """One array, memory-mapped read-only; raises ValueError where it is not what meta.json says."""
    recorded = read_meta(folder, tree)["arrays"]
    if name not in recorded:
        raise ValueError(f"{folder} has no {name}; it has {', '.join(recorded)}")
    try:
        array = tree.read_array(folder / name, mapped=True)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{folder / name} is damaged: {error}") from None
    if list(array.shape) != recorded[name] or array.dtype != np.float32:
        raise ValueError(
            f"{folder / name} is {array.dtype} {array.shape}, meta.json says {recorded[name]}"
        )
    return array
