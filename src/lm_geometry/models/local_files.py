"""What the path of a `file:` source means, on this machine and in the clone of an experiment."""

import os
import re
from pathlib import Path

from lm_geometry.workspace.machine import project_of
from lm_geometry.workspace.section import ROOT

RELATIVE = (
    "; a relative path counts from the project's folder, and a clone elsewhere has only what is in "
    "git: write an absolute path, or file:$VARIABLE/…"
)


LFS_POINTER = b"version https://git-lfs"  # how the file begins that stands for another


class SourceError(OSError):
    """A source cannot be had; the text is one sentence that says what to do."""


def local_path(location: str, root: Path = ROOT) -> Path:
    """The path that `file:location` means, which may not be there.

    `$VARIABLES` and `~` stand for what they do in a shell; a relative path counts from `root`, and
    in the clone of a queued experiment, where it may not be in git, from the project around it.
    Raises SourceError where a variable is not set, and where nobody's home is known.
    """
    text = os.path.expandvars(location)
    if missing := re.search(r"\$\{?(\w+)", text):
        raise SourceError(
            f"file:{location} needs the environment variable {missing[1]}, which is not set"
        )
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise SourceError(f"file:{location}: no home folder is known: write the path") from None
    return root / path if (root / path).exists() else project_of(root) / path


def advice(location: str) -> str:
    """What to write where a relative path is not there; empty for others."""
    return "" if location.startswith(("/", "~", "$")) else RELATIVE
