"""Experiments several at a time, on DVC's own queue."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from lm_geometry.experiments.executors.living import lives
from lm_geometry.experiments.experiment import Experiment, awaited, levels
from lm_geometry.experiments.in_git import there
from lm_geometry.experiments.outcomes import RUNNING, WAITING, Following, Outcome, State
from lm_geometry.experiments.running import Runner
from lm_geometry.revisions.programs import dvc, environment
from lm_geometry.workspace.files import read_json
from lm_geometry.workspace.section import ROOT

POLL_SECONDS = 2.0
WORKERS_SECONDS = 30.0  # between two questions whether the queue's workers are there
IDLE_SECONDS = 40.0  # workers end some ten seconds after they found the queue empty
_OPEN = {"Running": RUNNING, "Queued": WAITING}


class Task(TypedDict):
    """A task of DVC's queue; its log is there once it began."""

    name: str
    rev: str
    status: str
    log: Path | None


class OnQueue(Runner):
    """Experiments on DVC's queue, `jobs` at a time; those first that compute what others share.

    Each runs with the code and catalogue that the workspace had when it was queued, and with the
    committed parameters. The queue's
    workers are processes of their own: they go on when this one is interrupted.
    """

    def __init__(self, jobs: int, logs: Path, root: Path = ROOT) -> None:
        super().__init__(logs, root)
        self.options = f"--jobs {jobs}"
        self.jobs = jobs
        self._open: dict[str, str] = {}  # name of an experiment: its revision in the queue

    def lines(self, experiments: list[Experiment]) -> list[str]:
        """What others share, computed first since a shell cannot wait for the queue; the others."""
        ordered = [one for level in levels(experiments, self.root) for one in level]
        awaiting = set(awaited(experiments, self.root).values())
        own = self.resets()
        first = [one.line(*self.alone, resets=own) for one in ordered if one.name in awaiting]
        queued = [one.line("--queue", resets=own) for one in ordered if one.name not in awaiting]
        return [*first, *queued, f"dvc queue start -j {self.jobs}"]

    def begun(self, names: set[str]) -> Mapping[str, str]:
        """Those that wait or run on the queue."""
        return tasks_begun(names, self.root)

    def left(self) -> str:
        """What still runs or waits, and how it is stopped."""
        found = {task["name"]: task["status"] for task in tasks(self.root)}
        lines = [f"  {name}: {found[name].lower()}" for name in self._open if name in found]
        if not lines:
            return "nothing runs on"
        return "\n".join(
            [
                "DVC's queue goes on by itself:",
                *lines,
                "  dvc queue status              how they do",
                "  dvc queue logs NAME --follow  what one prints",
                "  dvc queue stop --kill         ends what runs; what waits stays queued",
                "  dvc queue remove --queued     takes away what waits",
            ]
        )

    def run(self, experiments: list[Experiment], following: Following) -> Iterator[Outcome]:
        """How each ended, as they end."""
        self.logs.mkdir(parents=True, exist_ok=True)
        begun = self.begun({one.name for one in experiments})
        known = (task for task in tasks(self.root) if task["status"] in _OPEN)
        self._open |= {task["name"]: task["rev"] for task in known if task["name"] in begun}
        todo = self.unbegun(experiments, begun)
        for number, level in enumerate(todo):
            if number:
                _idle_workers_end(self.root)
            self._queue(level)
            later = [one.name for further in todo[number + 1 :] for one in further]
            yield from self._wait(following, later)

    def _queue(self, experiments: list[Experiment]) -> None:
        """Queue them; tasks of these names that failed before leave the queue first."""
        names = {experiment.name for experiment in experiments}
        old = [task for task in tasks(self.root) if task["name"] in names]
        for task in old:
            if task["status"] == "Failed":
                dvc(self.root, "queue", "remove", task["name"])
        first = self.resets()
        for experiment in experiments:
            queued = dvc(self.root, *experiment.command("--queue", resets=first)[1:])
            if queued.returncode != 0:
                raise ValueError(f"{experiment.name} was not queued: {queued.stderr.strip()}")
        known = {task["rev"] for task in old}
        new = [task for task in tasks(self.root) if task["rev"] not in known]
        self._open |= {task["name"]: task["rev"] for task in new if task["name"] in names}

    def _start(self) -> None:
        """Start the queue's workers; they inherit their output, and would hold a pipe open."""
        log = self.logs / "queue.log"
        words = [sys.executable, "-m", "dvc", "queue", "start", "-j", str(self.jobs)]
        variables = {"LM_GEOMETRY_JOBS": str(self.jobs)} | environment(self.root)
        with log.open("w", encoding="utf-8") as file:
            started = subprocess.run(words, cwd=self.root, stdout=file, stderr=file, env=variables)
        if started.returncode != 0:
            raise ValueError(
                f"DVC's queue did not start: {log.read_text(encoding='utf-8').strip()}"
            )

    def _wait(self, following: Following, later: list[str]) -> Iterator[Outcome]:
        if not self._open:
            return
        self._start()
        asked, missing = time.monotonic(), set[str]()
        while self._open:
            time.sleep(POLL_SECONDS)
            found = {task["rev"]: task for task in tasks(self.root)}
            states = {rev: task["status"] for rev, task in found.items()}
            gone = {name for name, rev in self._open.items() if rev not in states}
            for name, rev in list(self._open.items()):
                # A task is in no list for a moment while it moves from one to the next.
                if states.get(rev) not in _OPEN and (rev in states or name in missing):
                    yield self._ended(name, found.get(rev))
            missing = gone
            now = dict.fromkeys([*self._open, *later], WAITING)
            for name, rev in self._open.items():
                if states.get(rev) == "Running":
                    now[name] = self.runs(name, found[rev]["log"])
            following.now(now)
            if self._open and time.monotonic() - asked > WORKERS_SECONDS:
                asked = time.monotonic()
                self._mend(states)

    def _ended(self, name: str, task: Task | None) -> Outcome:
        self._open.pop(name)
        own, status = (task["log"], task["status"]) if task else (None, "")
        text = own.read_text(encoding="utf-8", errors="replace") if own and own.exists() else ""
        state = State.FAILED
        if status == "Success" and there(name, self.root):
            state = State.DONE
        elif status != "Failed":
            state = State.CANCELLED
            text += "\nIt left DVC's queue without a result: was it killed or removed?\n"
        text = text or dvc(self.root, "queue", "logs", name).stderr
        self.log(name).write_text(text, encoding="utf-8")
        return self.ended(name, state)

    def _mend(self, states: dict[str, str]) -> None:
        """Where the queue's workers were killed: end what they ran, and start others.

        An experiment goes on when its worker is killed, but its result is never taken.
        """
        if workers(self.root):
            return
        for name, rev in self._open.items():
            if states.get(rev) == "Running":
                dvc(self.root, "queue", "kill", "--force", name)
                dvc(self.root, "queue", "kill", "--force", name)  # the first ends, this one marks
        self._start()


def tasks_begun(names: set[str], root: Path = ROOT) -> dict[str, str]:
    """Which experiments wait or run on DVC's queue, in words."""
    return {
        task["name"]: f"{task['status'].lower()} on DVC's queue"
        for task in tasks(root)
        if task["name"] in names and task["status"] in _OPEN
    }


def tasks(root: Path) -> list[Task]:
    """Every task that DVC's queue knows."""
    from dvc.repo import Repo

    found: list[Task] = []
    with Repo(str(root)) as repo:
        queue = repo.experiments.celery_queue
        for task in queue.status():
            process = queue.proc.get(task["rev"])
            log = Path(process.stdout) if process and process.stdout else None
            found.append(Task(name=task["name"], rev=task["rev"], status=task["status"], log=log))
    return found


def workers(root: Path) -> list[int]:
    """The process ids of the queue's workers that live.

    DVC's own question to them waits for a second only, too short on a busy machine.
    """
    folder = root / ".dvc" / "tmp" / "exps" / "celery"
    ids = [read_json(path)["pid"] for path in sorted(folder.glob("dvc-exp-worker-*.json"))]
    return [process for process in ids if lives(process)]


def _idle_workers_end(root: Path) -> None:
    """Wait until the queue's workers ended that have nothing to do.

    DVC starts as many as are missing, but asks for a second who is there, and they look for
    questions once a second: a live one may be started twice, and more would run at a time.
    """
    end = time.monotonic() + IDLE_SECONDS
    while workers(root) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
