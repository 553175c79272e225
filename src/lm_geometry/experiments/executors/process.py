"""A worker process as who gives it work sees it: cells in, answers out, and how it ended."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from lm_geometry.experiments.executors.plan import Listed
from lm_geometry.workspace.machine import WORKER

STALLED = 300.0  # seconds without any processor time, after which a worker is ended
LOOKED = 5.0  # seconds from one look at its processor time to the next
END_SECONDS = 10.0  # that one has for ending by itself
HOW_FAR = re.compile(r": \d+( of \d+)?( in \d+)? s\b")  # lines of progress
TOLD = 6  # last lines of a log that tell why a worker ended


def told_in(log: Path) -> list[str]:
    """The lines of a worker's log that tell more than how far it is."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if not HOW_FAR.search(line)]
    return [line for line in lines if line]


@dataclass(frozen=True)
class Answer:
    """What a worker said: that it is `ready`, or what became of a cell (`why`: it failed)."""

    worker: "WorkerProcess"
    cell: str = ""
    why: str = ""
    is_ready: bool = False


class WorkerProcess:
    """One worker, which has at most one cell at a time; its answers come into a queue."""

    def __init__(
        self,
        name: str,
        stage: str,
        root: Path,
        log: Path,
        variables: Mapping[str, str],
        answers: "queue.Queue[Answer]",
    ) -> None:
        self.name, self.log, self.cell, self.group = name, log, None, ""
        self.is_ready = False
        self.cell: Listed | None
        self._moved = self._looked = time.monotonic()
        self._used = 0.0  # seconds of processors, of itself and of what it started
        script = root / "stages" / f"{stage.replace('-', '_')}.py"
        reading, writing = os.pipe()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(script)],
                cwd=root,
                env=os.environ | variables | {WORKER: str(writing), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                pass_fds=[writing],
            )
        os.close(writing)
        reader = threading.Thread(target=self._read, args=(reading, answers), daemon=True)
        reader.start()

    def give(self, cell: Listed) -> None:
        """Have it compute a cell."""
        self.cell, self.group, self._moved = cell, cell.group, time.monotonic()
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"cell": cell.name}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended just now, which is seen next

    def lives(self) -> bool:
        """Whether it still runs; one that uses no processor for minutes is ended first."""
        if self.process.poll() is not None:
            return False
        if self._stalls():
            self.process.kill()
            self.process.wait()
            return False
        return True

    def why_ended(self) -> str:
        """How it ended, in words, with the last lines that it printed."""
        code = self.process.returncode
        how = f"its worker ended with status {code}"
        if code < 0:
            name = signal.Signals(-code).name
            memory = ", as the system does where memory runs out" if name == "SIGKILL" else ""
            how = f"its worker was ended by {name}{memory}"
        last = " | ".join(told_in(self.log)[-TOLD:])
        return f"{how} ({self.log}{f': {last}' if last else ''})"

    def end(self) -> None:
        """End it, whatever it is at; a cell that it does not finish is none."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.send_signal(signal.SIGCONT)  # a stopped one hears nothing else
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _read(self, reading: int, answers: "queue.Queue[Answer]") -> None:
        with os.fdopen(reading, encoding="utf-8") as pipe:
            for line in pipe:
                told = json.loads(line)
                if "ready" in told:
                    answers.put(Answer(self, is_ready=True))
                else:
                    answers.put(Answer(self, told["cell"], told["why"]))

    def _stalls(self) -> bool:
        now = time.monotonic()
        if self.cell is None:
            self._moved = now
        if self.cell is None or now - self._looked < LOOKED:
            return False
        self._looked = now
        try:
            own = psutil.Process(self.process.pid)
            used = sum(sum(p.cpu_times()[:2]) for p in [own, *own.children(recursive=True)])
        except psutil.Error:
            return False
        if used > self._used:
            self._used, self._moved = used, now
        return now - self._moved > STALLED
