"""How many workers a machine has, and which GPUs and threads each of them."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from lm_geometry.workspace.machine import cores, machine
from lm_geometry.workspace.work import Work

VISIBLE = "CUDA_VISIBLE_DEVICES"
ENOUGH = 4  # cells of a worker: below that, starting it takes longer than it saves
LIBRARIES = 600_000_000  # bytes of a worker, most of it libraries
CONTAINER = Path("/sys/fs/cgroup")  # where Linux tells what its container may take


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA calls them."""
    import torch

    if machine().device not in ("auto", "cuda") or not torch.cuda.is_available():
        return []
    named = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
    return named or [str(number) for number in range(torch.cuda.device_count())]


def workers(works: Sequence[Work], cells: int) -> list[dict[str, str]]:
    """The environment of each worker, no more than there are `cells`.

    Without a setting they are one per GPU, or one in all where a model takes more than one GPU; on
    the processor one, or as `side_by_side` says of cells that gain little by a second core.
    Threads, which share the processor's cores, are divided among workers, and so are GPUs.
    """
    wanted = {work.gpus for work in works}
    gpus = visible_gpus() if wanted - {"none"} else []
    number = machine().workers or (1 if "all" in wanted else len(gpus))
    number = number or side_by_side(cells, [work.memory_on_a_core for work in works])
    number = max(1, min(number, cells))
    return [threads(max(1, cores() // number)) | _gpus_of(i, number, gpus) for i in range(number)]


def side_by_side(cells: int, memory: Sequence[int]) -> int:
    """Workers on the processor, for cells that take at most so much `memory` on a core; 0: on all.

    They are as many as there are cores, and no more than have enough to do and fit into what
    memory is free.
    """
    if not memory or not all(memory):
        return 1
    fitting = free_memory() // (LIBRARIES + max(memory))
    return max(1, min(cores(), cells // ENOUGH, fitting))


def free_memory() -> int:
    """Bytes that this machine has free, and its container where that may take less."""
    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        limit = int((CONTAINER / "memory.max").read_text())
        free = min(free, limit - int((CONTAINER / "memory.current").read_text()))
    return max(0, free)


def threads(number: int) -> dict[str, str]:
    """The environment of a process that has so many threads."""
    return {"LM_GEOMETRY_THREADS": str(number), "OMP_NUM_THREADS": str(number)}


def _gpus_of(worker: int, workers: int, gpus: list[str]) -> dict[str, str]:
    """Its share of the GPUs; of fewer GPUs than workers, several workers have one."""
    if not gpus:
        return {}
    own = gpus[worker * len(gpus) // workers : (worker + 1) * len(gpus) // workers]
    return {VISIBLE: ",".join(own or [gpus[worker % len(gpus)]])}


def of_a_job(number: int) -> dict[str, str]:
    """The environment of the one worker of a job or task, which has its GPUs, and those threads."""
    return {name: os.environ[name] for name in (VISIBLE,) if name in os.environ} | threads(number)
