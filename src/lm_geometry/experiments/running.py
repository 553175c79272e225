"""Experiments one after another, each in a temporary clone; and what any way to run them has."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lm_geometry.experiments.committed import resets
from lm_geometry.experiments.experiment import Experiment, Overrides, levels
from lm_geometry.experiments.in_git import refuse_untracked_code
from lm_geometry.experiments.outcomes import WAITING, Following, Outcome, State, running
from lm_geometry.experiments.sessions import in_session
from lm_geometry.revisions.programs import environment
from lm_geometry.workspace.section import ROOT

POLL_SECONDS = 0.5


class Runner:
    """One way to run the experiments of a study; by itself nothing outlives a call.

    Each runs in a clone of its own, so that the workspace is left as it is.
    """

    options = ""  # of `lm-geometry study`, that choose this way
    heading: Sequence[str] = ()  # above lines to be copied into a shell: what is not in them
    alone: Sequence[str] = ("--temp",)  # of a line of `dvc exp run` that ends with its experiment

    def __init__(self, logs: Path, root: Path = ROOT) -> None:
        self.logs = logs
        self.root = root
        self._began: dict[str, float] = {}  # when an experiment was first seen to run

    def lines(self, experiments: list[Experiment]) -> list[str]:
        """The command lines that do what `run` does."""
        own = self.resets()
        return [one.line(*self.alone, resets=own) for one in experiments]

    def check(self, experiments: list[Experiment]) -> None:
        """Raises ValueError where they could not run, before anything was done."""
        refuse_untracked_code(self.root)
        self.resets()

    def resets(self) -> Overrides:
        """What sets the parameters that an experiment starts from back to the committed ones.

        Raises ValueError where that cannot be.
        """
        return resets(self.root)

    def begun(self, names: set[str]) -> Mapping[str, str]:
        """Which of them wait or run since an earlier call, and where, in words."""
        return {}

    def run(self, experiments: list[Experiment], following: Following) -> Iterator[Outcome]:
        """How each ended, as they end; those that were begun are waited for, not begun again."""
        raise NotImplementedError

    def finished(self, names: set[str]) -> list[Outcome]:
        """Of those that have a result, how they ran that ended while nobody waited."""
        return []

    def left(self) -> str:
        """After an interruption: what still runs, and the commands that stop it."""
        return "nothing runs on"

    def log(self, name: str) -> Path:
        """The file with what an experiment printed."""
        return self.logs / f"{name}.log"

    def runs(self, name: str, log: Path | None = None) -> str:
        """That an experiment runs, in words; its time is counted from the first of these calls."""
        self._began.setdefault(name, time.monotonic())
        return running(log or self.log(name))

    def ended(self, name: str, state: State) -> Outcome:
        """How an experiment ended, with the time since it was first seen to run."""
        began = self._began.get(name)
        seconds = None if began is None else time.monotonic() - began
        return Outcome(name, state, self.log(name), seconds)

    def unbegun(
        self, experiments: list[Experiment], begun: Mapping[str, str]
    ) -> list[list[Experiment]]:
        """What is to be begun, in the order of what is shared; it computes first what runs."""
        ordered = sorted(experiments, key=lambda one: one.name not in begun)
        parts = levels(ordered, self.root)
        return [[one for one in part if one.name not in begun] for part in parts]


class InOrder(Runner):
    """Experiments one after another, each in a clone below `.dvc/tmp`.

    It has the code and catalogue that the workspace has when it starts, and the committed
    parameters.
    """

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
        command = experiment.command(*self.alone, resets=self.resets())
        dvc, *rest = command
        words = [sys.executable, "-m", dvc, "--wait-for-lock", *rest]
        with self.log(experiment.name).open("wb") as file:
            try:
                with in_session(words, self.root, environment(self.root), file, file) as process:
                    self.runs(experiment.name)
                    while process.poll() is None:
                        time.sleep(POLL_SECONDS)
                        following.now({experiment.name: self.runs(experiment.name), **waiting})
                    state = State.FAILED if process.returncode else State.DONE
            except KeyboardInterrupt:
                state = State.CANCELLED
        return self.ended(experiment.name, state)
