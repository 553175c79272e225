"""What is said while experiments run: a line whenever something changed."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lm_geometry.experiments.outcomes import Outcome, clock, counted

WAITING, RUNNING = "waiting", "running"
_STAGE = re.compile(r"^Running stage '([^']+)'", flags=re.MULTILINE)
_LISTED = 4  # running experiments that are named in a line


class Following:
    """Says how many experiments of a study ended, run and wait, each time that it changes."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self.total = total
        self.say = say
        self.outcomes: list[Outcome] = []
        self._began = time.monotonic()
        self._said = ""

    def ended(self, outcome: Outcome) -> None:
        """Say how an experiment ended."""
        self.outcomes.append(outcome)
        self.say(f"{len(self.outcomes)}/{self.total} {outcome.name}: {outcome.told}")

    def now(self, states: Mapping[str, str]) -> None:
        """Say what runs and waits, where that is not what was said last.

        `states` has for each experiment that did not end `waiting` or `running`, and in brackets
        more of it, such as the stage.
        """
        text = self._line(states)
        if states and text != self._said:
            self._said = text
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


def running(log: Path | None) -> str:
    """`running (STAGE)`, by the last stage that DVC says it started in a log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace") if log else ""
    except FileNotFoundError:
        text = ""
    stages = _STAGE.findall(text)
    return f"{RUNNING} ({stages[-1]})" if stages else RUNNING
