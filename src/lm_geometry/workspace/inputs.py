"""What a stage depends on, as it was when the stage began, and whether it still is.

DVC hashes parameters, code and inputs only after a stage's command: an edit during the run would
be recorded, and served later, as what had made the results.

Parameters, code and small files of data are hashed whole, in a tenth of a second. Of larger files
the size and time of change are compared (10 µs a file): DVC's outs are replaced, never written
through, so that another content has another time.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.workspace.hashes import code_hash, path_hash, value_hash
from lm_geometry.workspace.machine import is_worker
from lm_geometry.workspace.section import ROOT, read_yaml

State = dict[str, str]
Seen = tuple[str, int, int, str]  # name, size, time of the last change; hash of what is small
PARAMS = "params.yaml: "
KNOWN = "LM_GEOMETRY_INPUT_HASHES"  # in the environment: by path what was seen, and its hash
SMALL = 2**18  # bytes of a file that is hashed: JSON, tables of counts

_began: dict[str, str] = {}  # hash of the code of the stage that runs in this process


class InputsChangedError(ValueError):
    """Something that a stage depends on was edited while it ran.

    Parameters are read once, so that finished cells are of the first state where these alone were
    edited (`cells_stand`). Code and data are read all along.
    """

    def __init__(self, stage: str, names: list[str]) -> None:
        self.cells_stand = all(name.startswith(PARAMS) for name in names)
        kept = "stay, for the parameters that were" if self.cells_stand else "are forgotten, too"
        super().__init__(
            f"{', '.join(names)} changed while {stage} ran: its results belong to no one state and "
            f"are not recorded (finished cells {kept}); `dvc repro` runs what is there now"
        )


@contextlib.contextmanager
def unchanged(stage: str) -> Iterator[None]:
    """Raises InputsChangedError after the block where inputs are not what they were before it."""
    before = _state(stage)
    _began[stage] = code_hash(stage)
    try:
        yield
        after = _state(stage)
        changed = sorted(k for k in {**before, **after} if before.get(k) != after.get(k))
        if changed:
            raise InputsChangedError(stage, changed)
    finally:
        del _began[stage]


def running_code(stage: str) -> str:
    """Hash of the code of a stage: of what was loaded when it began, whatever was edited since."""
    return _began.get(stage) or code_hash(stage)


def input_hash(path: Path) -> str:
    """`path_hash` of an input, which a worker takes from the process that it works for.

    So gigabytes of states are read through once, and not by each worker. It is taken where every
    file is as it was, by size and time of change; raises FileNotFoundError as `path_hash`.
    """
    seen, known = value_hash(_seen(path)), json.loads(os.environ.get(KNOWN, "{}"))
    if is_worker() and known.get(str(path), [""])[0] == seen:
        return known[str(path)][1]
    found = path_hash(path)
    os.environ[KNOWN] = json.dumps(known | {str(path): [seen, found]})  # its workers inherit it
    return found


def _state(stage: str) -> State:
    described: dict[str, Any] = read_yaml(ROOT / "dvc.yaml")["stages"][stage]
    params = read_yaml(ROOT / "params.yaml")
    state = {f"{PARAMS}{name}": value_hash(params.get(name)) for name in described["params"]}
    state["dvc.yaml"] = value_hash([described["cmd"], described["deps"], described["params"]])
    state["the code"] = code_hash(stage)
    for dep in described["deps"]:
        if not dep.startswith(("src/", "stages/")):
            state[dep] = value_hash(_seen(ROOT / dep))
    return state


def _seen(path: Path) -> list[Seen]:
    """What is compared of every file."""
    if not path.exists():
        return []
    if path.is_file():
        return [_of(path, path.name)]
    found = []
    for folder, _, names in os.walk(path, followlinks=True):
        inside = Path(folder).relative_to(path).as_posix()
        found += [_of(Path(folder) / name, f"{inside}/{name}") for name in names]
    return sorted(found)


def _of(file: Path, name: str) -> Seen:
    try:
        seen = file.stat()
        content = path_hash(file) if seen.st_size <= SMALL else ""
    except FileNotFoundError:  # removed since it was listed
        return name, -1, 0, ""
    return name, seen.st_size, seen.st_mtime_ns, content
