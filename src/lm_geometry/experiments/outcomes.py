"""How the experiments of a study go, how and where they ended, and the lines that say so."""

import os
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

import psutil

from lm_geometry.workspace.hashes import library_versions

WAITING, RUNNING = "waiting", "running"
_STAGE = re.compile(r"^Running stage '([^']+)'", flags=re.MULTILINE)
_SHARE = re.compile(r"(\d+ of \d+) in \S+ s, .*?(\S+ s left)?$", flags=re.MULTILINE)
_LISTED = 4  # running experiments that are named in a line
_EVERY = 10.0  # seconds between lines that differ in shares alone


class State(StrEnum):
    """How an experiment ended, or that it was there before."""

    DONE = "done"
    EXISTED = "existed"
    OLDER = "existed, older code"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    LOST = "lost"
    OPEN = "waits or runs"
    NOT_RUN = "not run"


GOOD = frozenset({State.DONE, State.EXISTED, State.OLDER})


class Facts(TypedDict):
    """Where and when an experiment ran."""

    hardware: str
    versions: dict[str, str]
    date: str


@dataclass(frozen=True)
class Outcome:
    """How one experiment ended, the file with what it printed, and where it ran if not here."""

    name: str
    state: State
    log: Path | None = None
    seconds: float | None = None
    where: Facts | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.state not in GOOD

    @property
    def told(self) -> str:
        """The end in words, with the log where there is no result."""
        time = f" ({clock(self.seconds)})" if self.seconds is not None else ""
        see = f", see {self.log}" if self.failed and self.log else ""
        return f"{self.state.upper() if self.failed else self.state}{time}{see}"


def clock(seconds: float) -> str:
    """A duration as hours:minutes:seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def counted(outcomes: Sequence[Outcome]) -> str:
    """How many ended how: `3 done, 1 failed`."""
    found = Counter(outcome.state for outcome in outcomes)
    return ", ".join(f"{found[state]} {state}" for state in State if found[state])


def table(outcomes: Sequence[Outcome]) -> str:
    """A line per experiment: name, state, time, and the log of what has no result."""
    import pandas as pd

    rows = {
        "experiment": [one.name for one in outcomes],
        "state": [str(one.state) for one in outcomes],
        "time": ["" if one.seconds is None else clock(one.seconds) for one in outcomes],
        "log": [str(one.log or "") if one.failed else "" for one in outcomes],
    }
    return pd.DataFrame(rows).to_markdown(index=False, tablefmt="plain", disable_numparse=True)


class Following:
    """Says how many experiments of a study ended, run and wait, each time that it changes.

    Where nothing changes but how much of a stage is done, every ten seconds.
    """

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self.total = total
        self.say = say
        self.outcomes: list[Outcome] = []
        self._began = time.monotonic()
        self._said: tuple[float, str] = (-_EVERY, "")

    def ended(self, outcome: Outcome) -> None:
        """Say how an experiment ended."""
        self.outcomes.append(outcome)
        self.say(f"{len(self.outcomes)}/{self.total} {outcome.name}: {outcome.told}")

    def now(self, states: Mapping[str, str]) -> None:
        """Say what runs and waits, where that is not what was said last.

        `states` has for each experiment that did not end `waiting` or `running`, and in brackets
        more of it, such as the stage.
        """
        text, now = self._line(states), time.monotonic()
        last, said = self._said
        changed = _without_shares(text) != _without_shares(said)
        if states and (changed or (text != said and now - last >= _EVERY)):
            self._said = now, text
            self.say(f"[{clock(time.monotonic() - self._began)}] {text}")

    def _line(self, states: Mapping[str, str]) -> str:
        running = [f"{n}{s[len(RUNNING) :]}" for n, s in states.items() if s.startswith(RUNNING)]
        waiting = [s[len(WAITING) :] for s in states.values() if s.startswith(WAITING)]
        parts = [counted(self.outcomes)] if self.outcomes else []
        if running:
            more = f" and {len(running) - _LISTED} more" if len(running) > _LISTED else ""
            parts.append(f"{len(running)} running: {', '.join(running[:_LISTED])}{more}")
        if waiting:
            parts.append(f"{len(waiting)} waiting{''.join(sorted(set(waiting)))}")
        return "; ".join(parts)


def running(log: Path) -> str:
    """`running (STAGE: SHARE)`, by the last stage that a log names and what that says it has done.

    The share is that of its last line of progress, with the time that is left; there may be none.
    """
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    stages = list(_STAGE.finditer(text))
    if not stages:
        return RUNNING
    shares = _SHARE.findall(text, stages[-1].end())
    share = f": {', '.join(filter(None, shares[-1]))}" if shares else ""
    return f"{RUNNING} ({stages[-1][1]}{share})"


def _without_shares(text: str) -> str:
    return re.sub(r": \d+ of \d+[^)]*", "", text)


def facts() -> Facts:
    """Hardware and versions of this machine, and today's date."""
    return {
        "hardware": hardware(),
        "versions": {"python": platform.python_version(), **library_versions()},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def hardware() -> str:
    """This machine in a line: processor, cores, memory, and the GPUs that torch sees."""
    import torch

    memory = psutil.virtual_memory().total / 2**30
    parts = [_processor(), f"{os.cpu_count()} cores", f"{memory:.0f} GiB", platform.system()]
    devices = range(torch.cuda.device_count())
    return ", ".join([*parts, *(torch.cuda.get_device_name(device) for device in devices)])


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    text = listed.read_text(encoding="utf-8", errors="replace") if listed.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return named.group(1).strip() if named else platform.processor() or platform.machine()
