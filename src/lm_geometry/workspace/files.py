"""Files and folders that appear at their place only when complete."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MASK = os.umask(0o077)  # asking sets it: once, while one thread runs
os.umask(_MASK)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved there when the block ends without an error.

    Nothing is ever written through an existing file, which may be a link into DVC's cache.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o666 & ~_MASK)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`, which replaces it when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        temporary.chmod(0o777 & ~_MASK)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def link(source: Path, target: Path) -> None:
    """Put a file at a second place, as a link or, where there are none, as a copy."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copy2(source, temporary)
    temporary.replace(target)


def private_folder(path: Path) -> Path:
    """`path`, a folder that nobody but its owner can enter; made where it is not there.

    Raises PermissionError where it is another user's.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to another user: name a folder of your own")
    path.chmod(0o700)
    return path


def make_private(path: Path) -> None:
    """Take from everybody but the owner what is in a file, or in a folder and below it."""
    for place in [path, *path.rglob("*")]:
        place.chmod(0o700 if place.is_dir() else 0o600)


def write_json(path: Path, value: object) -> None:
    """Write `value` as readable JSON; NaN and infinities are refused."""
    with whole_file(path) as temporary:
        text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The value in a JSON file; a missing file is named with the stage that should have made it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(missing(path)) from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and `dvc checkout`") from None


def missing(path: Path) -> str:
    """The sentence for a result that is not there."""
    return f"{path} is missing: `dvc repro` or `dvc pull` brings it"


def free_space(needed: int, folder: Path, what: str) -> None:
    """Print how many bytes `what` needs; raises OSError where `folder` has not so many."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    print(f"{what}: {needed / 1e6:,.1f} MB on disk ({free / 1e6:,.0f} MB free)", flush=True)
    if needed > 0.98 * free:
        raise OSError(f"{what} needs {needed:,} bytes; {folder} has {free:,} free")


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
