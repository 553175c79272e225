"""What is not there in an install of the core alone, told in a sentence that says what to do."""

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from lm_geometry.workspace.faults import refuse_cut, refuse_cut_records

PACKAGE = "lm-geometry"
EXTRA_OF = {
    "LocalDimensionCallback": "models",
    "compare": "models",
    "measure": "models",
    "results": "pipeline",
}
_ABOVE = Path(__file__).resolve().parents[3]  # the clone, where the package lies in one


@contextlib.contextmanager
def naming_the_extra(asked: str, extra: str) -> Iterator[None]:
    """Raises ImportError, with the name of the extra, where the block misses another's module."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "lm_geometry":
            raise
        raise ImportError(
            f"{asked} needs {error.name}, which is not installed: pip install '{PACKAGE}[{extra}]'",
            name=error.name,
        ) from error


def require_clone() -> None:
    """Raises ImportError where the package lies in no clone, or without what a clone needs.

    And ValueError, with the line that mends it, where a kill cut dvc.lock or DVC's records.
    """
    if not (_ABOVE / "dvc.yaml").is_file():
        raise ImportError(
            f"it works on a clone of the repository, and this {PACKAGE} is installed apart from "
            f"one: `make setup` in a clone, then its own .venv/bin/{PACKAGE}"
        )
    if find_spec("dvc") is None:
        raise ImportError(
            f"it needs the packages of the pipeline: `make setup` in {_ABOVE}, or there "
            "pip install --editable '.[pipeline]'"
        )
    refuse_cut(_ABOVE / "dvc.lock")
    refuse_cut_records(_ABOVE / ".dvc" / "tmp" / "rwlock")
