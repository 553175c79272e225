"""What is said while loops are compiled, which takes some seconds once and is no fault.

numba tells when it does so: nothing is said of machine code that is read from its cache.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any

from numba.core import event

PACKAGE = Path(__file__).resolve().parents[1]
SECONDS = 10.0  # from one line to the next where there is no terminal
WHAT = "compiling loops for this processor"
CLEAR = "\r\033[K"


class Compilation(event.Listener):
    """Counts the package's own loops that are compiled, and says so on stderr.

    In a terminal that is a line as long as it goes on; elsewhere one at its beginning, and one
    every ten seconds.
    """

    def __init__(self) -> None:
        self.loops, self.seconds = 0, 0.0
        self.said: float | None = None  # when something was said last
        self._begun: list[float] = []  # of those that are being compiled, each within another

    def on_start(self, event: event.Event) -> None:
        """A loop is about to be compiled."""
        if not _is_own(event):
            return
        self._begun.append(time.monotonic())
        self._say(self._begun[-1])

    def on_end(self, event: event.Event) -> None:
        """It is, or could not be."""
        if not _is_own(event) or not self._begun:
            return
        now, began = time.monotonic(), self._begun.pop()
        self.loops += 1
        if self._begun:
            self._say(now)
            return
        self.seconds += now - began
        if sys.stderr.isatty():
            print(CLEAR, end="", file=sys.stderr, flush=True)

    def _say(self, now: float) -> None:
        seconds = self.seconds + now - self._begun[0]
        told = f"{WHAT}: {self.loops} done in {seconds:.0f} s"
        if sys.stderr.isatty():
            print(f"{CLEAR}{told}, kept for next time", end="", file=sys.stderr, flush=True)
        elif self.said is None:
            self.said = now
            print(f"{WHAT}, which is kept for next time", file=sys.stderr, flush=True)
        elif now - self.said >= SECONDS:
            self.said = now
            print(told, file=sys.stderr, flush=True)


def _is_own(found: "event.Event") -> bool:
    """Whether it is a loop of this package, and none that numba compiles of its own for one."""
    dispatcher: Any = (found.data or {})["dispatcher"]
    return Path(dispatcher.py_func.__code__.co_filename).is_relative_to(PACKAGE)


_lock = threading.Lock()
_listening: list[Compilation] = []


def announce() -> None:
    """Say from now on when a loop is compiled."""
    with _lock:
        if not _listening:
            _listening.append(Compilation())
            event.register("numba:compile", _listening[0])
