"""A program with all that it starts, in a session of its own, ended whole when we are told to end.

A terminal tells Ctrl-C to all that runs in it; a scheduler, an editor or `kill` tell it to one
process, whose stages would go on by themselves.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

PATIENCE = 10.0  # seconds that an interrupted stage has for its end
TOLD = (signal.SIGTERM, signal.SIGHUP)  # as by Ctrl-C; the second where a terminal is closed


@contextlib.contextmanager
def in_session(
    words: list[str],
    cwd: Path,
    env: Mapping[str, str],
    stdout: int | IO[bytes],
    stderr: IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A started program; the arguments are those of `subprocess.Popen`.

    Where the block is left by Ctrl-C, or by what else tells us to end, every process of it has
    ended before KeyboardInterrupt goes on. To be used in the main thread, which signals go to.
    """
    process = subprocess.Popen(
        words, cwd=cwd, env=env, stdout=stdout, stderr=stderr, start_new_session=True
    )
    try:
        with _as_by_control_c():
            yield process
    except KeyboardInterrupt:
        _end(process)
        raise


@contextlib.contextmanager
def _as_by_control_c() -> Iterator[None]:
    """Raises KeyboardInterrupt where this process is told to end; what is ignored stays so."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before: dict[signal.Signals, Callable[..., object] | int | None] = {}
    for number in TOLD:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: asked first, then made to."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
            break
    with contextlib.suppress(ProcessLookupError):  # what a stage started, and DVC did not wait for
        os.killpg(process.pid, signal.SIGKILL)
