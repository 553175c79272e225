"""Hashes of values, files, folders and the code of a stage."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from lm_geometry.workspace.files import missing
from lm_geometry.workspace.section import ROOT, read_yaml

LIBRARIES = ("torch", "transformers", "peft", "datasets", "numpy", "scipy", "scikit-dimension")


def value_hash(value: object) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def path_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files.

    Raises FileNotFoundError where nothing is.
    """
    if not path.exists():
        raise FileNotFoundError(missing(path))
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return value_hash([[str(file.relative_to(path)), path_hash(file)] for file in files])


def code_hash(stage: str) -> str:
    """Hash of the code that dvc.yaml names among a stage's dependencies."""
    deps = read_yaml(ROOT / "dvc.yaml")["stages"][stage]["deps"]
    code = [dep for dep in deps if dep.startswith(("src/", "stages/"))]
    return value_hash([[dep, _python_hash(ROOT / dep)] for dep in code])


def library_versions() -> dict[str, str]:
    """Versions of the libraries that numbers depend on."""
    return {name: version(name) for name in LIBRARIES}


def _python_hash(path: Path) -> str:
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    return value_hash([[file.name, path_hash(file)] for file in files])
