"""How the experiments of a study ended, and the table that says so."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lm_geometry.experiments.machine_facts import Facts


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
    plain = {"tablefmt": "plain", "disable_numparse": True}
    return pd.DataFrame(rows).to_markdown(index=False, **plain)
