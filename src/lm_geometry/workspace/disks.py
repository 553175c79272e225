"""What to say where a disk takes no more: which folder, what is free, and what chooses another."""

import os
import shutil
from pathlib import Path

from lm_geometry.workspace import machine, section


def disk_told(error: OSError) -> str:
    """The error, its file or else the project's folder, what is free there, and the setting."""
    file = Path(error.filename) if error.filename else section.ROOT
    folder = next((one for one in (file, *file.parents) if one.is_dir()), section.ROOT)
    free = f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB are free in {folder}"
    downloads = os.path.expanduser(machine.machine().downloads)  # noqa: PTH111 (no home: as it is)
    settings = {
        "LM_GEOMETRY_SCRATCH": machine.scratch(),
        "LM_GEOMETRY_DOWNLOADS": Path(downloads),
        "`dvc cache dir --local`": section.ROOT / ".dvc" / "cache",
    }
    chosen = [name for name, place in settings.items() if _is_within(file, place)]
    other = f"; {chosen[0]} names another folder" if chosen else ""
    return f"{error.strerror}: {file} ({free}{other})"


def _is_within(file: Path, folder: Path) -> bool:
    return file.absolute().is_relative_to(folder.absolute())
