"""Results of any revision: the workspace, a commit, a branch, or an experiment by its name."""

import io
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from lm_geometry.workspace.files import whole_folder
from lm_geometry.workspace.section import ROOT

WORKSPACE = "workspace"


class Revision:
    """The files of one revision, from the workspace, git, DVC's cache or its remote."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        self.name = name
        self.root = root

    def bytes(self, path: str) -> bytes:
        """The content of a file; raises FileNotFoundError where the revision has none such."""
        try:
            return self._files.read_bytes(path)
        except OSError as error:
            raise FileNotFoundError(
                f"{path} of {self.name} cannot be had: {error}; `dvc pull` or "
                "`dvc exp pull REMOTE NAME` brings results from where they were made"
            ) from None

    def json(self, path: str) -> Any:
        """The value in a JSON file."""
        return json.loads(self.bytes(path))

    def table(self, path: str) -> pd.DataFrame:
        """The table in a Parquet file."""
        return pd.read_parquet(io.BytesIO(self.bytes(path)))

    def paths(self, folder: str) -> list[str]:
        """Every file below a folder, sorted; raises FileNotFoundError where there is none."""
        found = sorted(self._files.find(folder))
        if not found:
            raise FileNotFoundError(f"{folder} of {self.name} is empty or missing")
        return found

    def copy(self, folder: str, to: Path) -> None:
        """Copy a folder to `to`, whole or not at all."""
        with whole_folder(to) as temporary:
            for path in self.paths(folder):
                target = temporary / Path(path).relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.bytes(path))

    @cached_property
    def _files(self) -> Any:
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
