"""How many workers a machine has, and which GPUs and threads each of them."""

import os
from collections.abc import Sequence

import psutil

from lm_geometry.point_cloud.loops import threads as loop_threads
from lm_geometry.workspace.container import memory_left
from lm_geometry.workspace.machine import cores, machine
from lm_geometry.workspace.work import Work

VISIBLE = "CUDA_VISIBLE_DEVICES"
ENOUGH = 4  # cells of a worker: below that, starting it takes longer than it saves
LIBRARIES = 600_000_000  # bytes of a worker, most of it libraries
SHARE = 0.5  # of free memory: others may start as well, and files are read


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
    return [threads(max(1, _shared() // number)) | _gpus_of(i, number, gpus) for i in range(number)]


def side_by_side(cells: int, memory: Sequence[int]) -> int:
    """Workers on the processor, for cells that take at most so much `memory` on a core; 0: on all.

    They are as many as there are cores, or `OMP_NUM_THREADS` of them, which the experiments that
    run at a time share, and no more than have enough to do and fit into half of what is free.
    """
    if not memory or not all(memory):
        return 1
    fitting = int(SHARE * free_memory()) // (LIBRARIES + max(memory))
    return max(1, min(_shared() // machine().jobs, cells // ENOUGH, fitting))


def _shared() -> int:
    """Cores that workers share: all, and without a setting no more than `OMP_NUM_THREADS`."""
    return cores() if machine().threads else min(cores(), loop_threads())


def free_memory() -> int:
    """Bytes that this machine has free, and its container or job where that may take less."""
    free = psutil.virtual_memory().available
    limit = memory_left()
    return free if limit is None else min(free, limit)


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
