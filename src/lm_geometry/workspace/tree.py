"""The files of one state of the project: this workspace, or a revision of the repository.

A file is named by its path in the workspace, as `workspace.paths` gives it, whatever the tree: a
revision has it at the same place below its own root. So a reader is written once, for both.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from lm_geometry.workspace import files

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


class Tree(Protocol):
    """Reads what a pipeline run left; every method raises FileNotFoundError for what is not there.

    Values of JSON and dtypes of arrays are those that the reader says: it knows what was written.
    """

    def exists(self, path: Path) -> bool:
        """Whether the tree has this file or folder."""
        ...

    def open(self, path: Path) -> BinaryIO:
        """A file's bytes, to be read from their beginning and at any place."""
        ...

    def read_json(self, path: Path) -> Any:
        """The value in a JSON file."""
        ...

    def read_table(self, path: Path, columns: list[str] | None = None) -> "pd.DataFrame":
        """The columns, or all, of a Parquet table; raises ValueError naming those it has not."""
        ...

    def read_array(self, path: Path, mapped: bool = False) -> "npt.NDArray[Any]":
        """The array in a .npy file; `mapped` leaves a large one on disk, read-only, if it can."""
        ...


class Workspace:
    """What lies in this clone now."""

    def exists(self, path: Path) -> bool:
        """Whether the file or folder is there."""
        return path.exists()

    def open(self, path: Path) -> BinaryIO:
        """A file's bytes; a missing one is named with the commands that bring it."""
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise FileNotFoundError(files.missing(path)) from None

    def read_json(self, path: Path) -> Any:
        """The value in a JSON file."""
        return files.read_json(path)

    def read_table(self, path: Path, columns: list[str] | None = None) -> "pd.DataFrame":
        """The columns, or all, of a Parquet table."""
        from lm_geometry.workspace.tables import read_table

        return read_table(path, columns)

    def read_array(self, path: Path, mapped: bool = False) -> "npt.NDArray[Any]":
        """The array in a .npy file; `mapped` leaves it on disk."""
        import numpy as np

        return np.load(path, mmap_mode="r" if mapped else None)


WORKSPACE = Workspace()
