"""On which machine, with which versions and in how much time the experiments of a study ran."""

import os
import platform
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lm_geometry.store.files import read_json, write_json
from lm_geometry.store.hashes import library_versions
from lm_geometry.studies.definition import RESULTS
from lm_geometry.studies.outcomes import Outcome

FILE = "runs.json"


def record(name: str, outcomes: Iterable[Outcome], folder: Path = RESULTS) -> None:
    """Add to studies/results/NAME/runs.json how the experiments ran that did not fail.

    Those that were not run again, because they were there, keep what was recorded when they were.
    """
    finished = [one for one in outcomes if not one.failed and one.seconds is not None]
    if not finished:
        return
    here = {} if all(outcome.where for outcome in finished) else facts()
    known = recorded(name, folder)
    for outcome in finished:
        seconds = round(outcome.seconds or 0.0, 1)
        known[outcome.name] = {"seconds": seconds, **(outcome.where or here)}
    write_json(folder / name / FILE, known)


def facts() -> dict[str, Any]:
    """Hardware and versions of this machine, and today's date."""
    return {
        "hardware": hardware(),
        "versions": {"python": platform.python_version(), **library_versions()},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def recorded(name: str, folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """What was recorded, by the name of the experiment; empty where nothing was."""
    path = folder / name / FILE
    return read_json(path) if path.exists() else {}


def hardware() -> str:
    """This machine in a line: processor, cores, memory, and the GPUs that torch sees."""
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [_processor(), f"{os.cpu_count()} cores", f"{memory:.0f} GiB", platform.system()]
    devices = range(torch.cuda.device_count())
    return ", ".join([*parts, *(torch.cuda.get_device_name(device) for device in devices)])


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    text = listed.read_text() if listed.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return named.group(1).strip() if named else platform.processor() or platform.machine()
