"""Experiments, run one after another in a temporary clone, or several at a time on DVC's queue."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_geometry.params.section import ROOT
from lm_geometry.studies.grid import Experiment

POLL_SECONDS = 2.0
# What later experiments of a study share is computed once, before several run at a time.
UPSTREAM = ("seed", "model", "data_prep", "finetune", "embed")


@dataclass(frozen=True)
class Outcome:
    """How one experiment ended, and the file that holds what it printed."""

    name: str
    failed: bool
    log: Path
    seconds: float


def run(
    experiments: list[Experiment],
    jobs: int,
    logs: Path,
    root: Path = ROOT,
    say: Callable[[str], None] = print,
) -> list[Outcome]:
    """How each experiment ended; one that fails does not stop the others.

    The workspace is left as it is: every experiment runs in a clone of its own below `.dvc/tmp`,
    with the code and catalogue that the workspace had when it was started or queued.
    """
    logs.mkdir(parents=True, exist_ok=True)
    first, rest = (experiments, []) if jobs == 1 else _warm_up(experiments)
    outcomes = []
    for number, experiment in enumerate(first, 1):
        say(f"{number}/{len(experiments)} {experiment.name}")
        outcomes.append(_run_one(experiment, logs, root))
        say(_told(outcomes[-1]))
    if rest:
        for outcome in _run_queued(rest, jobs, logs, root):
            outcomes.append(outcome)
            say(f"{len(outcomes)}/{len(experiments)} {outcome.name}\n{_told(outcome)}")
    return outcomes


def environment(root: Path = ROOT) -> dict[str, str]:
    """The variables that an experiment's clone needs: this Python first, and what `.env` says.

    `.env` is not in git, and is therefore not in the clone.
    """
    from dotenv import dotenv_values

    settings = {key: value for key, value in dotenv_values(root / ".env").items() if value}
    own = {key: value for key, value in settings.items() if key.startswith("LM_GEOMETRY_")}
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**own, **os.environ, "PATH": beside}


def _warm_up(experiments: list[Experiment]) -> tuple[list[Experiment], list[Experiment]]:
    """The first experiment of each upstream, and the others, which find its states in the cache."""
    first: dict[str, Experiment] = {}
    for experiment in experiments:
        shared = [item for item in experiment.overrides.items() if _section(item[0]) in UPSTREAM]
        first.setdefault(repr(sorted(shared, key=str)), experiment)
    if len(first) == len(experiments):
        return [], experiments  # nothing is shared
    chosen = list(first.values())
    return chosen, [one for one in experiments if one not in chosen]


def _section(key: str) -> str:
    return key.partition(".")[0]


def _run_one(experiment: Experiment, logs: Path, root: Path) -> Outcome:
    log = logs / f"{experiment.name}.log"
    began = time.monotonic()
    words = [sys.executable, "-m", *experiment.command("--temp")]
    with log.open("w", encoding="utf-8") as file:
        ran = subprocess.run(
            words, cwd=root, stdout=file, stderr=subprocess.STDOUT, env=environment(root)
        )
    return Outcome(experiment.name, ran.returncode != 0, log, time.monotonic() - began)


def _run_queued(
    experiments: list[Experiment], jobs: int, logs: Path, root: Path
) -> Iterator[Outcome]:
    """Outcomes as they come; tasks of these names that failed before leave the queue first."""
    for state in _states(root):
        if state["name"] in {e.name for e in experiments} and state["status"] == "Failed":
            _dvc(root, "queue", "remove", state["name"])
    for experiment in experiments:
        queued = _dvc(root, *experiment.command("--queue")[1:])
        if queued.returncode != 0:
            raise ValueError(f"{experiment.name} was not queued: {queued.stderr.strip()}")
    began = time.monotonic()
    _dvc(root, "queue", "start", "-j", str(jobs))
    waiting = {experiment.name for experiment in experiments}
    while waiting:
        time.sleep(POLL_SECONDS)
        ended = {"Success": False, "Failed": True}
        for state in _states(root):
            if state["name"] in waiting and state["status"] in ended:
                waiting.remove(state["name"])
                log = logs / f"{state['name']}.log"
                log.write_text(_dvc(root, "queue", "logs", state["name"]).stdout, encoding="utf-8")
                seconds = time.monotonic() - began
                yield Outcome(state["name"], ended[state["status"]], log, seconds)


def _states(root: Path) -> list[dict[str, Any]]:
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return list(repo.experiments.celery_queue.status())


def _dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        env=environment(root),
    )


def _told(outcome: Outcome) -> str:
    state = f"FAILED, see {outcome.log}" if outcome.failed else "done"
    return f"    {state} ({outcome.seconds:.0f} s)"
