"""Whether a process runs."""

import psutil


def lives(process: int) -> bool:
    """Whether a process runs; one that ended, and whose parent did not ask, is a zombie."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
