"""Times, peak memory and the speed of a matrix product, measured side by side in one process."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]


def interleaved(works: dict[str, Work], repeat: int, clock: Callable[[], float]) -> dict[str, Any]:
    """(least seconds, last result) of each work, run in turns, so that noise meets all alike."""
    best: dict[str, float] = dict.fromkeys(works, np.inf)
    results: dict[str, Any] = {}
    for _ in range(repeat):
        for name, work in works.items():
            start = clock()
            results[name] = work()
            best[name] = min(best[name], clock() - start)
    return {name: (best[name], results[name]) for name in works}


def seconds(work: Work, repeat: int, clock: Callable[[], float]) -> tuple[float, Any]:
    """(least seconds, last result) of `repeat` calls."""
    return interleaved({"work": work}, repeat, clock)["work"]


def clock_for(threads: int) -> Callable[[], float]:
    """Processor time for one thread, which other programs change little; else elapsed time."""
    return time.process_time if threads == 1 else time.perf_counter


def peak_memory(work: Work) -> tuple[float, Any]:
    """(MB, result): the most memory that this process held while `work` ran (Linux; else NaN)."""
    reset, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if not reset.exists():
        return np.nan, work()
    reset.write_text("5")
    result = work()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024, result


def peak_gflops(clock: Callable[[], float]) -> float:
    """GFLOP/s of a float32 matrix product of 4096 x 4096, on the threads in use."""
    A = np.random.default_rng(0).standard_normal((4096, 4096), dtype=np.float32)
    B = A.copy()  # numpy halves the work of A Aᵀ
    return 2 * 4096**3 / seconds(lambda: A @ B.T, 3, clock)[0] / 1e9


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def hardware() -> str:
    """The processor, and the graphics processor where torch sees one, in words."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        facts = [line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line]
        name = next((value.strip() for key, value in facts if key.strip() == "model name"), name)
    found = f"{name}, {os.cpu_count()} processors"
    gpu = graphics_processor()
    return f"{found}; {gpu}" if gpu else f"{found}; no GPU"


def graphics_processor() -> str:
    """Name of the CUDA device, or nothing."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def versions(*names: str) -> str:
    """Installed versions of packages, such as `numpy 2.3.5, dadapy -`."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} -")
    return ", ".join(found)
