"""Whose fault an error is: what a run was given ends it in sentences, what we did in a traceback.

A sentence is what our own code raises on purpose, what the machine refuses (a full disk, a folder
that cannot be written), and what DVC says of its own files. All else is a fault of the code, whose
place must be seen. `LM_GEOMETRY_DEBUG=1` shows it for every error.
"""

import contextlib
import dis
import errno
import json
import os
import re
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

DEBUG = "LM_GEOMETRY_DEBUG"
OURS = Path(__file__).resolve().parents[1]
ON_PURPOSE = (ValueError, OSError, ImportError)
OF_THE_MACHINE = {
    getattr(errno, name)
    for name in (
        "EACCES",
        "EPERM",
        "EIO",
        "EMFILE",
        "ENAMETOOLONG",
        "EEXIST",
        "ENOTDIR",
    )
    if hasattr(errno, name)
}
OF_DISKS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
RAISE = dis.opmap["RAISE_VARARGS"]
LOCK_CUT = (
    "dvc.lock was cut by a kill while DVC wrote it: `git checkout dvc.lock` brings back the last "
    "whole one; no result is lost, for DVC's cache and run cache have them"
)
RECORDS_CUT = (
    "{file}, in which DVC notes who reads and writes what, was cut by a kill while DVC wrote it: "
    "`rm {file}`, while no other command of DVC runs; no result is lost"
)


def refuse_cut(lock: Path) -> None:
    """Raises ValueError where dvc.lock ends within a line, an entry or a stage; costs no parser."""
    if not lock.exists():
        return
    text = lock.read_text(encoding="utf-8", errors="replace")
    stage = re.split(r"^  \S.*:\n", text, flags=re.MULTILINE)[-1]
    last = stage.rpartition("    - path: ")[2]
    if not text.endswith("\n") or "    outs:\n" not in stage or "      md5: " not in last:
        raise ValueError(LOCK_CUT)


def refuse_cut_records(file: Path, patience: float = 0.2) -> None:
    """Raises ValueError where DVC's records of readers and writers end within a value.

    So does one that another command is writing now, which is whole `patience` seconds later.
    """
    for seconds in (patience, 0.0):
        try:
            json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except ValueError:
            time.sleep(seconds)
        else:
            return
    raise ValueError(RECORDS_CUT.format(file=file))


@contextlib.contextmanager
def sentences(before: Callable[[], str] = str) -> Iterator[None]:
    """Ends the process with status 1 and a sentence where the block raises an error of its input.

    Faults of the code pass through. `before` gives what stands before the sentence.
    """
    try:
        yield
    except Exception as error:
        told = sentence(error)
        if told is None:
            raise
        _show()
        raise SystemExit(before() + told) from None
    except SystemExit as ended:
        if isinstance(ended.code, str):
            _show()
        raise


def sentence(error: BaseException) -> str | None:
    """What to say of an error of what a run was given; None for a fault of the code."""
    if type(error).__module__.split(".")[0] == "dvc":
        return _of_dvc(error)
    if type(error).__module__.startswith("pydantic"):
        return _of_pydantic(error)
    if isinstance(error, OSError) and error.errno in OF_DISKS:
        from lm_geometry.workspace.disks import disk_told  # which reads the machine's settings

        return disk_told(error)
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        return f"{error.strerror}: {error.filename}" if error.filename else str(error)
    if isinstance(error, ON_PURPOSE) and _is_raised_by_us(error.__traceback__):
        return str(error)
    return None


def _is_raised_by_us(last: TracebackType | None) -> bool:
    """Whether a `raise` of our own code began it, and no function of a library that we called."""
    if last is None:
        return False
    while last.tb_next is not None:
        last = last.tb_next
    code = last.tb_frame.f_code
    return Path(code.co_filename).is_relative_to(OURS) and code.co_code[last.tb_lasti] == RAISE


def _of_pydantic(error: Any) -> str:
    """The keys of a file of settings that are not valid; the library is imported where it is."""
    lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return f"{error.title}: {'; '.join(lines)}"


def _of_dvc(error: BaseException) -> str:
    told = " ".join(str(error).split())
    is_yaml = any("YAML" in kind.__name__ for kind in type(error).__mro__)
    return f"{told}: {LOCK_CUT}" if is_yaml and "dvc.lock" in told else told


def _show() -> None:
    if os.environ.get(DEBUG):
        traceback.print_exc()
