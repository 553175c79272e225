"""A training run in several processes of this machine, which torch's launcher starts and ends.

One that dies takes all others with it; so does the end of the process that launched them. What one
of them has to say is said by that process.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
    record,
)
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from lm_geometry.finetune.together import Processes
from lm_geometry.workspace import machine
from lm_geometry.workspace.faults import sentence
from lm_geometry.workspace.progress import under_way

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
SECONDS = 15  # from the end of one process until the others are killed
LOOKED = 0.5  # seconds from one look at the launching process to the next

Work = Callable[..., None]  # of one process, with its `Processes` first


class NotTrainedError(ValueError):
    """What a process of the run says of what it was given."""


def launch(count: int, work: Work, *given: Any, logs: Path) -> None:
    """Have `count` processes do `work(processes, *given)`, which can be pickled; all or none.

    Raises ValueError with the sentence of the process that failed first, or with the signal that
    ended it, and RuntimeError with the traceback of a fault of the code.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id="finetune",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=str(logs)),
        shutdown_timeout=SECONDS,
    )
    try:
        with _as_before(), under_way("processes") as told:
            told.has_bar = True  # the first of them says how far it is
            elastic_launch(config, _in_process)(os.getpid(), work, given)
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        raise _told(rank, count, failure) from None
    except SignalException as ended:
        raise SystemExit(128 + int(ended.sigval)) from None


def _told(rank: int, count: int, failure: ProcessFailure) -> Exception:
    of = f"process {rank + 1} of {count} (LM_GEOMETRY_TRAINING_PROCESSES)"
    recorded = failure.error_file_data.get("message")
    if isinstance(recorded, dict):
        kind, _, text = str(recorded["message"]).partition(": ")
        if kind == NotTrainedError.__name__:
            return ValueError(text)
        return RuntimeError(f"{of}:\n{recorded['extraInfo']['py_callstack']}")
    how = f"by {failure.signal_name()}" if failure.exitcode < 0 else f"with {failure.exitcode}"
    return ValueError(
        f"{of} was ended {how}, and the others with it (kills are often for want of memory); run "
        "again, training goes on from the state that was saved last"
    )


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """The launcher's own handlers of signals, and its words, within the block alone."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # of processes to come
    handlers = {one: signal.getsignal(one) for one in HANDLED}
    logger = logging.getLogger("torch.distributed.elastic")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
        for one, handler in handlers.items():
            signal.signal(one, handler)


@record
def _in_process(launcher: int, work: Work, given: tuple[Any, ...]) -> None:
    threading.Thread(target=_leave_with, args=(launcher,), daemon=True).start()
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    try:
        with Path(os.devnull).open("w") as nowhere, _silent(nowhere if rank else None):
            device, _ = machine.device()
            if device == "cuda":
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            dist.init_process_group("nccl" if device == "cuda" else "gloo")
            group = cast("dist.ProcessGroup", dist.new_group(backend="gloo"))
            work(Processes(rank, count, group), *given)
            dist.destroy_process_group()
    except (Exception, SystemExit) as error:
        told = str(error) if isinstance(error, SystemExit) else sentence(error)
        if told is None:
            raise
        raise NotTrainedError(told) from None


@contextlib.contextmanager
def _silent(nowhere: Any) -> Iterator[None]:
    """Without a word where there is a `nowhere`: all processes would say the same."""
    if nowhere is None:
        yield
        return
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


def _leave_with(launcher: int) -> None:
    """End this process once the one that launched it is no more, whatever it is doing."""
    while os.getppid() == launcher:
        time.sleep(LOOKED)
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)
