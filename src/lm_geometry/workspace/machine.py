"""Facts of this machine: device, threads, scratch and download folders.

They come from the environment, `.env` or nothing at all, never from params.yaml, and change no
stage's inputs: moving to another machine reruns nothing.
"""

import os
from functools import cache
from math import ceil
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from lm_geometry.workspace.container import processors_left
from lm_geometry.workspace.section import ROOT

EXPERIMENTS = Path(".dvc/tmp/exps")
WORKER = "LM_GEOMETRY_WORKER"  # in the environment of a process that computes what it is told


class Machine(BaseSettings):
    """Settings of this machine, each from `LM_GEOMETRY_<NAME>` or a line in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="LM_GEOMETRY_", env_file=ROOT / ".env", extra="ignore"
    )

    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where models run")
    threads: int = Field(0, ge=0, description="CPU threads; 0: as many as there are cores")
    scratch: Path | None = Field(None, description="folder of unfinished work; default .scratch")
    downloads: Path = Field(
        Path("~/.cache/lm-geometry"), description="folder of fetched packages and converted models"
    )
    spread: Literal["auto", "always", "never"] = Field(
        "auto",
        description="whether the weights of a model that is only read are spread over all GPUs, "
        "then memory, then scratch, and those of one that is trained over the GPUs of "
        "training_processes; auto: where they do not fit on one GPU",
    )
    memory: str = Field(
        "",
        pattern=r"^(\w+=[\d.]+ ?[KMGT]i?B(, ?\w+=[\d.]+ ?[KMGT]i?B)*)?$",
        description="what a spread model may take of each device, such as 0=20GiB,cpu=60GiB; "
        "empty: most of what is free",
    )
    training_processes: int = Field(
        1,
        ge=1,
        description="processes that finetune trains in, one on each GPU; the batch of params.yaml "
        "is divided among them",
    )
    pickled_weights: bool = Field(
        default=False,
        description="whether tensors are read of a model that has no safetensors, but a pickle",
    )
    costs: Literal["told", "never"] = Field(
        "told", description="whether `run` and `study` begin by measuring what they will cost"
    )
    shard: str = Field(
        "",
        pattern=r"^([1-9]\d*/[1-9]\d*)?$",
        description="i/n: embed and estimate finish the i-th of n parts of their cells, into "
        "scratch alone",
    )
    executor: Literal["processes", "slurm", "ray"] = Field(
        "processes",
        description="who computes the cells of embed and estimate: processes of this machine, jobs "
        "that slurm.yaml describes, or tasks of a Ray cluster",
    )
    workers: int = Field(
        0,
        ge=0,
        description="cells that are computed at a time, threads divided among them; 0: one per "
        "GPU for embed, or one in all, and of estimate one per core as far as clouds and memory "
        "go; with slurm as many jobs as slurm.yaml has at a time",
    )
    jobs: int = Field(
        1,
        ge=1,
        description="experiments that run on this machine at a time and share its cores, as a "
        "study's --jobs has it",
    )
    ray: str = Field(
        "",
        description="address of a Ray cluster, such as auto or ray-head:6379; empty: RAY_ADDRESS, "
        "else one is started on this machine",
    )


@cache
def machine() -> Machine:
    """The settings, read once."""
    return Machine.model_validate({})


def is_worker() -> bool:
    """Whether this process computes single cells for another, which gathers them."""
    return WORKER in os.environ


def part_of(numbers: list[int]) -> list[int]:
    """The part of `numbers` that this process works on: all, or the i-th of n nearly equal ones.

    `LM_GEOMETRY_SHARD=i/n` chooses; raises ValueError where i is above n.
    """
    shard = machine().shard
    if not shard:
        return numbers
    part, parts = map(int, shard.split("/"))
    if part > parts:
        raise ValueError(f"LM_GEOMETRY_SHARD={shard}: there is no part {part} of {parts}")
    start, stop = ((part - 1) * len(numbers) // parts, part * len(numbers) // parts)
    return numbers[start:stop]


def memory() -> dict[int | str, int | str] | None:
    """What a spread model may take of each GPU (by number) and of `cpu`; None: what is free."""
    parts = [part.split("=") for part in machine().memory.split(",") if part]
    found = {name.strip(): size.strip() for name, size in parts}
    return {int(n) if n.isdigit() else n: size for n, size in found.items()} or None


def scratch() -> Path:
    """Folder of finished cells of unfinished stages.

    A queued experiment runs in a temporary clone inside the project; its scratch folder is the
    project's, so that what was finished before a kill outlives the clone.
    """
    configured = machine().scratch
    if configured is not None:
        return configured.expanduser()
    return project_of(ROOT) / ".scratch"


def project_of(root: Path) -> Path:
    """The project in which `root` is the clone of a queued experiment, or `root` itself."""
    found = root
    for parent in root.parents:
        if (parent / EXPERIMENTS) in root.parents:
            found = parent
    return found


def downloads() -> Path:
    """Folder of fetched packages and converted models, shared by every clone.

    Raises SystemExit, one sentence, where it is below a home folder that nobody knows.
    """
    try:
        return machine().downloads.expanduser()
    except RuntimeError:
        raise SystemExit(
            f"{machine().downloads}: no home folder is known here (HOME is not set): set "
            "LM_GEOMETRY_DOWNLOADS to a folder that can be written"
        ) from None


def private_texts() -> Path:
    """Folder of prepared texts that must not be passed on, each by the hash of its content."""
    return downloads() / "private"


def cores() -> int:
    """CPU threads to use: the setting, else the cores this process may run on, quotas included.

    Of processes that torch's launcher started together each has its share.
    """
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS
    there = len(allowed(0)) if allowed else os.cpu_count() or 1
    found = machine().threads or min(there, ceil(processors_left() or there))
    return max(1, found // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def device() -> tuple[str, str]:
    """Name of the torch device and the reason for it, to be printed."""
    import torch

    torch.set_num_threads(cores())
    wanted = machine().device
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted in available and not available[wanted]:
        raise SystemExit(f"LM_GEOMETRY_DEVICE={wanted}: torch sees no such device here")
    if wanted != "auto":
        return wanted, f"LM_GEOMETRY_DEVICE={wanted}"
    for name in ("cuda", "mps"):
        if available[name]:
            return name, f"torch sees a {name} device"
    return "cpu", f"no accelerator; {cores()} threads"


def refuse_more_processes(count: int) -> None:
    """Raises SystemExit, one sentence, where there are not as many devices as processes."""
    import torch

    name, reason = device()
    there = {"cuda": torch.cuda.device_count(), "mps": 1}.get(name, count)
    if count > there:
        raise SystemExit(
            f"LM_GEOMETRY_TRAINING_PROCESSES={count}: torch sees {there} device{'s' * (there > 1)} "
            f"of {name} here ({reason}), and each process needs one; take {there}, or "
            "LM_GEOMETRY_DEVICE=cpu"
        )


def has_bfloat16(device: str) -> tuple[bool, str]:
    """Whether the hardware multiplies bfloat16 natively, and which feature says so."""
    import torch

    if device == "cuda":
        native = torch.cuda.get_device_capability() >= (8, 0)
        return native, f"{torch.cuda.get_device_name()}"
    if device == "cpu":
        features = torch.backends.cpu.get_cpu_capability()
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return native, f"{features}, bfloat16 instructions: {'yes' if native else 'no'}"
    return False, "mps"
