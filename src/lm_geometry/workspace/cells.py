"""Finished cells of an unfinished stage, kept outside DVC's outs so that a kill loses nothing.

DVC deletes a stage's outs before it runs the stage. A cell (say, the hidden states of one
checkpoint and corpus split) is therefore finished in the scratch folder, under a key made of
everything that it depends on, and linked into the outs when all cells are there.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from lm_geometry.workspace.hashes import code_hash, library_versions, value_hash
from lm_geometry.workspace.machine import scratch


class Cells:
    """The scratch folder of one stage run: same inputs, same folder."""

    def __init__(self, stage: str, inputs: dict[str, Any]) -> None:
        described = {"code": code_hash(stage), "libraries": library_versions(), **inputs}
        self.key = value_hash(described)
        self.folder = scratch() / stage / self.key[:24]
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, *names: str) -> Path:
        """Where the cell of these names is, or will be once it is finished."""
        return self.folder.joinpath(*names)

    def publish(self, *names: str, to: Path) -> None:
        """Link (or copy) a finished cell, file or folder, to its place in an out."""
        source = self.path(*names)
        if not source.exists():
            raise FileNotFoundError(f"{source}: this cell is not finished")
        files = [source] if source.is_file() else [f for f in source.rglob("*") if f.is_file()]
        for file in sorted(files, key=lambda file: file.name == "meta.json"):
            target = to if source.is_file() else to / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(file, target)

    def clear(self) -> None:
        """Forget the cells, once the stage has published every one."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copy2(source, temporary)
    temporary.replace(target)
