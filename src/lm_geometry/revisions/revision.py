"""Results of any revision: the workspace, a commit, a branch, or an experiment by its name."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import pandas as pd

from lm_geometry.aggregate.tables import ALL
from lm_geometry.point_cloud.shapes import Shaped
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import whole_folder
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.tables import read_table

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem

WORKSPACE = "workspace"  # the revision of this name is what the last run left


class Revision:
    """The files of one revision, from the workspace, git, DVC's cache or its remote.

    A `workspace.tree.Tree`: files are named by their paths in the workspace.
    """

    def __init__(self, name: str, root: Path = ROOT) -> None:
        self.name = name
        self.root = root

    @property
    def commit(self) -> str:
        """Hash of the commit; empty for the workspace."""
        return "" if self.name == WORKSPACE else str(self._files.repo.get_rev())

    def exists(self, path: Path) -> bool:
        """Whether the revision has this file or folder, be its content here or in a remote.

        Raises FileNotFoundError where it is one of a folder whose list of files cannot be had.
        """
        with self._had(path):
            try:
                self._files.info(paths.within(path))
            except FileNotFoundError:
                return False
        return True

    def open(self, path: Path) -> BinaryIO:
        """The content of a file; raises FileNotFoundError where the revision has none such."""
        with self._had(path):
            content = self._files.read_bytes(paths.within(path))
        return io.BytesIO(cast("bytes", content))

    def read_json(self, path: Path) -> Any:
        """The value in a JSON file."""
        return json.load(self.open(path))

    def read_table(self, path: Path, columns: list[str] | None = None) -> pd.DataFrame:
        """The columns, or all, of a Parquet table."""
        return read_table(path, columns, self.open(path))

    def read_array(self, path: Path, mapped: bool = False) -> Shaped[np.ndarray, "..."]:
        """The array in a .npy file, in memory whether `mapped` or not."""
        return np.load(self.open(path))

    def files(self, folder: Path) -> list[Path]:
        """Every file below a folder, sorted; raises FileNotFoundError where there is none."""
        with self._had(folder):
            found = sorted(self._files.find(paths.within(folder)))
        if not found:
            raise FileNotFoundError(f"{paths.within(folder)} of {self.name} is empty or missing")
        return [paths.ROOT / name for name in found]

    def copy(self, folder: Path, to: Path) -> None:
        """Copy a folder to `to`, whole or not at all."""
        with whole_folder(to) as temporary:
            for path in self.files(folder):
                target = temporary / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.open(path).read())

    @contextmanager
    def _had(self, path: Path) -> Iterator[None]:
        """Raises FileNotFoundError for what is in neither the workspace, the cache nor a remote."""
        from dvc_data.index import DataIndexDirError

        try:
            yield
        except (OSError, DataIndexDirError) as error:  # the second of a folder's list of files
            brings = "`dvc repro` makes it, `dvc pull` or `dvc exp pull REMOTE NAME` brings it"
            raise FileNotFoundError(
                f"{paths.within(path)} of {self.name} cannot be had: {error}; {brings}"
            ) from None

    @cached_property
    def _files(self) -> "DVCFileSystem":
        from dvc.api import DVCFileSystem
        from dvc.scm import RevError

        rev = None if self.name == WORKSPACE else self.name
        files = DVCFileSystem(str(self.root), rev=rev)
        try:
            _ = files.repo  # opens the repository at that revision
        except RevError:
            raise ValueError(
                f"no revision or experiment {self.name!r}; `dvc exp list -A` lists experiments, "
                f"and {WORKSPACE} is what the last run left here"
            ) from None
        return files


def results(rev: str | None = None, root: Path | str = ROOT) -> dict[str, pd.DataFrame]:
    """Every table of a run by its name: `means`, `changes`, `differences`, `prompt_means`, …

    `rev` is a commit, branch, tag, or the name of an experiment; None is what lies in the project
    now. Tables come from the folder, DVC's cache or its remote; nothing is checked out. One row is
    one number with its keys and interval (`lm-geometry table --help` names the columns); a table
    that a revision was too old to write is left out.

    Raises:
        ValueError: no such revision or experiment.
        FileNotFoundError: its tables are neither in the cache nor in the remote.
    """
    revision = Revision(rev or WORKSPACE, Path(root))
    there = {path.stem: path for path in revision.files(paths.TABLES)}
    return {name: revision.read_table(there[name]) for name in ALL if name in there}
