"""A tree whose files are made up, for readers of what a pipeline run left."""

import io
import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd


class MadeUpTree:
    """Values of JSON, tables and arrays by the paths that `workspace.paths` gives them."""

    def __init__(self, files: Mapping[Path, Any]) -> None:
        self.contents = files

    def exists(self, path: Path) -> bool:
        return path in self.contents

    def open(self, path: Path) -> BinaryIO:
        return io.BytesIO(json.dumps(self._content(path)).encode())

    def read_json(self, path: Path) -> Any:
        return deepcopy(self._content(path))  # a reader may take it apart

    def read_table(self, path: Path, columns: list[str] | None = None) -> pd.DataFrame:
        table = self._content(path)
        return table if columns is None else table[columns]

    def read_array(self, path: Path, mapped: bool = False) -> np.ndarray:
        return self._content(path)

    def _content(self, path: Path) -> Any:
        if not self.exists(path):
            raise FileNotFoundError(path)
        return self.contents[path]
