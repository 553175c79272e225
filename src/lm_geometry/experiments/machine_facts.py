"""This machine and its versions, as they are recorded beside results."""

import os
import platform
import re
import time
from pathlib import Path
from typing import TypedDict

import psutil

from lm_geometry.workspace.hashes import library_versions


class Facts(TypedDict):
    """Where and when an experiment ran."""

    hardware: str
    versions: dict[str, str]
    date: str


def facts() -> Facts:
    """Hardware and versions of this machine, and today's date."""
    return {
        "hardware": hardware(),
        "versions": {"python": platform.python_version(), **library_versions()},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def hardware() -> str:
    """This machine in a line: processor, cores, memory, and the GPUs that torch sees."""
    import torch

    memory = psutil.virtual_memory().total / 2**30
    parts = [_processor(), f"{os.cpu_count()} cores", f"{memory:.0f} GiB", platform.system()]
    devices = range(torch.cuda.device_count())
    return ", ".join([*parts, *(torch.cuda.get_device_name(device) for device in devices)])


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    text = listed.read_text(encoding="utf-8", errors="replace") if listed.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return named.group(1).strip() if named else platform.processor() or platform.machine()
