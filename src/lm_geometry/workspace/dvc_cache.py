"""DVC's cache on this machine, by the MD5 of what is in it."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAMLError

from lm_geometry.workspace.section import ROOT, read_yaml


def objects() -> Path:
    """The folder of objects: that of MD5 `abc…` is `ab/c…`."""
    from dvc.config import Config

    settings: Any = Config(str(ROOT / ".dvc"))
    place = settings.get("cache", {}).get("dir") or str(ROOT / ".dvc" / "cache")
    return Path(place) / "files" / "md5"


def last_saved(path: Path) -> Path | None:
    """The file that dvc.lock has for an out, which DVC takes away before its stage runs again.

    None where there is no such out, or its object is not on this machine.
    """
    wanted = path.relative_to(ROOT).as_posix()
    try:
        stages = read_yaml(ROOT / "dvc.lock")["stages"].values()
        found = [out["md5"] for stage in stages for out in stage["outs"] if out["path"] == wanted]
    except (OSError, YAMLError, KeyError, AttributeError, TypeError):
        return None  # whoever reads dvc.lock itself tells of one that is cut
    there = [objects() / md5[:2] / md5[2:] for md5 in found]
    return next((file for file in there if file.is_file()), None)
