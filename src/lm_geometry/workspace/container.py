"""What the control groups of Linux leave a process: processors and memory, innermost group first.

A container, a job of a cluster and a service each have limits that no count of processors and no
number of free bytes of the machine shows.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")  # the groups of this process, a line for each hierarchy


def processors_left() -> float | None:
    """The share of time in processors, such as 1.5; None where it is not limited."""
    found: list[float] = []
    for group in _groups("cpu"):
        with contextlib.suppress(OSError, ValueError):  # "max": not limited
            quota, period = (group / "cpu.max").read_text().split()
            found.append(int(quota) / int(period))
        with contextlib.suppress(OSError, ValueError):
            quota, period = (
                _number(group / "cpu.cfs_quota_us"),
                _number(group / "cpu.cfs_period_us"),
            )
            found += [quota / period] if quota > 0 else []
    return min(found, default=None)


def memory_left() -> int | None:
    """Bytes below the nearest limit; None where there is none.

    Pages of files that the system drops where memory is needed do not count as used.
    """
    found: list[int] = []
    for group in _groups("memory"):
        for limit, used, dropped in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            with contextlib.suppress(OSError, ValueError):
                cached = _in_table(group / "memory.stat", dropped)
                found.append(_number(group / limit) - _number(group / used) + cached)
    return None if not found else max(0, min(found))


def _groups(controller: str) -> Iterator[Path]:
    """The groups of this process as far as they are seen here, each within the next."""
    with contextlib.suppress(OSError):
        for line in OWN.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            root = MOUNTED / controller if controllers else MOUNTED
            inner = root / path.lstrip("/")
            yield from [inner, *(above for above in inner.parents if above.is_relative_to(root))]


def _number(file: Path) -> int:
    return int(file.read_text())


def _in_table(file: Path, name: str) -> int:
    rows = dict(line.split() for line in file.read_text().splitlines())
    return int(rows.get(name, 0))
