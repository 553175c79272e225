"""Experiments one after another, each in a temporary clone; and what any way to run them has."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.following import WAITING, Following, running
from lm_geometry.experiments.outcomes import Outcome, State
from lm_geometry.experiments.tree import refuse_untracked_code
from lm_geometry.revisions.programs import environment
from lm_geometry.workspace.section import ROOT

POLL_SECONDS = 1.0


class Runner(Protocol):
    """One way to run the experiments of a study."""

    options: str  # of `lm-geometry study`, that choose this way
    heading: Sequence[str]  # above lines to be copied into a shell: what is not in them
    alone: Sequence[str]  # options of a line of `dvc exp run` that ends with its experiment

    def lines(self, experiments: list[Experiment]) -> list[str]:
        """The command lines that do what `run` does."""
        ...

    def check(self, experiments: list[Experiment]) -> None:
        """Raises ValueError where they could not run, before anything was done."""
        ...

    def begun(self, names: set[str]) -> Mapping[str, str]:
        """Which of them wait or run since an earlier call, and where, in words."""
        ...

    def run(self, experiments: list[Experiment], following: Following) -> Iterator[Outcome]:
        """How each ended, as they end; those that were begun are waited for, not begun again."""
        ...

    def finished(self, names: set[str]) -> list[Outcome]:
        """Of those that have a result, how they ran that ended while nobody waited."""
        ...

    def left(self) -> str:
        """After an interruption: what still runs, and the commands that stop it."""
        ...


class InOrder:
    """Experiments one after another.

    The workspace is left as it is: each runs in a clone of its own below `.dvc/tmp`, with the code
    and catalogue that the workspace has when it starts.
    """

    options = ""
    heading: Sequence[str] = ()
    alone: Sequence[str] = ("--temp",)

    def __init__(self, logs: Path, root: Path = ROOT) -> None:
        self.logs = logs
        self.root = root

    def lines(self, experiments: list[Experiment]) -> list[str]:
        """A line for each, in the order of the study."""
        return [one.line(*self.alone) for one in experiments]

    def check(self, experiments: list[Experiment]) -> None:
        """Raises ValueError where code is new and not in git, which DVC's clones would not have."""
        refuse_untracked_code(self.root)

    def begun(self, names: set[str]) -> Mapping[str, str]:
        """Nothing outlives a call."""
        return {}

    def finished(self, names: set[str]) -> list[Outcome]:
        """Nothing outlives a call."""
        return []

    def left(self) -> str:
        """Nothing runs on."""
        return "nothing runs on"

    def run(self, experiments: list[Experiment], following: Following) -> Iterator[Outcome]:
        """How each ended; one that fails does not stop the others."""
        self.logs.mkdir(parents=True, exist_ok=True)
        waiting = dict.fromkeys((one.name for one in experiments), WAITING)
        for experiment in experiments:
            del waiting[experiment.name]
            outcome = self._one(experiment, waiting, following)
            yield outcome
            if outcome.state is State.CANCELLED:
                raise KeyboardInterrupt

    def _one(
        self, experiment: Experiment, waiting: dict[str, str], following: Following
    ) -> Outcome:
        log = self.logs / f"{experiment.name}.log"
        began = time.monotonic()
        words = [sys.executable, "-m", *experiment.command("--temp")]
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                words, cwd=self.root, stdout=file, stderr=file, env=environment(self.root)
            )
            try:
                while _runs(process):
                    following.now({experiment.name: running(log), **waiting})
                state = State.FAILED if process.returncode else State.DONE
            except KeyboardInterrupt:
                _stop(process)
                state = State.CANCELLED
        return Outcome(experiment.name, state, log, time.monotonic() - began)


def lives(process: int) -> bool:
    """Whether a process runs; one that ended, and whose parent did not ask, is a zombie."""
    try:
        os.kill(process, 0)
        if not Path("/proc/self").exists():
            return True
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # it ended, or it did between the two questions
        return False


def _runs(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process after Ctrl-C, of which a terminal tells DVC and its stage as well."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
