"""Kills at random moments, and what they cost: `python -m tests.executors.kills 50`.

Each kill hits one run of the toy stage: a worker, a node (its slurmd and all that it runs), the
stage itself, or the scheduler, by SIGKILL or SIGTERM, on local processes, on a Slurm of two nodes
where its daemons are installed, and on a Ray of two nodes where that is. A stage that ended is
begun again. A row counts: results that differ from an undisturbed run's, and cells that were begun
a second time.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.executors.toy_stage import ToyStage, toy_stage
from tests.one_node_slurm import Cluster, missing, slurm

CELLS, SECONDS = 16, 0.4
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
SLURM = "{time: '0:10', memory: 500MB, parallel: 2}\n"
DOWN_SECONDS = 5.0  # that a killed scheduler is away


@dataclass
class Row:
    """What became of all kills of a kind."""

    kills: int = 0
    ended: int = 0  # stages, which were begun again
    differing: int = 0
    again: list[int] = field(default_factory=list)  # cells begun a second time, of each kill
    seconds: list[float] = field(default_factory=list)

    def told(self) -> str:
        """The cells of the row."""
        most, whole = max(self.again, default=0), sum(self.again)
        mean = sum(self.seconds) / max(len(self.seconds), 1)
        return f"{self.kills} | {self.ended} | {self.differing} | {whole} | {most} | {mean:.0f}"


@dataclass
class Ground:
    """A stage, the executor that it runs on, and what can be killed of it."""

    toy: ToyStage
    settings: dict[str, object]
    cluster: Cluster | None = None

    def targets(self) -> list[str]:
        """What is killed here."""
        return ["worker", "stage", *(["node", "scheduler"] if self.cluster else [])]

    def hit(self, what: str, stage: "subprocess.Popen[str]", sign: int) -> None:
        """Send the signal to one of those."""
        if what == "stage":
            stage.send_signal(sign)
        elif what == "worker":
            living = [pid for pid in self.toy.workers() if psutil.pid_exists(pid)]
            if living:
                os.kill(random.choice(living), sign)
        elif what == "node":
            self._node(sign)
        else:
            self._scheduler(sign)

    def _node(self, sign: int) -> None:
        """All processes that a node runs, then its daemon, which comes back."""
        assert self.cluster is not None
        name = random.choice([*self.cluster.nodes])
        self.cluster.nodes[name].send_signal(sign)
        for process in psutil.process_iter():
            try:
                own = process.environ()
                if own.get("SLURMD_NODENAME") == name and self._is_ours(own):
                    process.send_signal(sign)
            except psutil.Error:
                continue
        self.cluster.nodes[name].wait(30)
        self.cluster.start_node(name)

    def _is_ours(self, own: dict[str, str]) -> bool:
        assert self.cluster is not None
        return own.get("SLURM_CONF") == self.cluster.variables["SLURM_CONF"]

    def _scheduler(self, sign: int) -> None:
        assert self.cluster is not None
        self.cluster.controller.send_signal(sign)
        self.cluster.controller.wait(30)
        time.sleep(DOWN_SECONDS)
        self.cluster.start_controller()


def trial(ground: Ground, what: str, sign: int, row: Row, expected: dict[str, bytes]) -> None:
    """One run with one kill at a random cell, and its row."""
    toy, began = ground.toy, time.monotonic()
    toy.forget()
    at = random.randrange(1, CELLS)
    process = toy.start(**ground.settings)
    while process.poll() is None and sum(toy.begun().values()) < at:
        time.sleep(0.02)
    time.sleep(random.random() * SECONDS)
    if process.poll() is None:
        ground.hit(what, process, sign)
        row.kills += 1
    process.communicate(timeout=300)
    if process.returncode != 0:
        row.ended += 1
        toy.run(**ground.settings)
    row.differing += toy.bytes() != expected
    row.again.append(sum(toy.begun().values()) - CELLS)
    row.seconds.append(time.monotonic() - began)


@contextmanager
def grounds(folder: Path, only: str) -> Iterator[dict[str, Ground]]:
    """The executors that can be tried here."""
    with ExitStack() as stack:
        found = {}
        for name in ("processes", "slurm", "ray"):
            if only not in ("", name) or not _is_here(name):
                continue
            (folder / name).mkdir()
            toy = toy_stage(folder / name, CELLS, SECONDS)
            settings: dict[str, object] = {"executor": name, "workers": 2, "threads": 2}
            found[name] = Ground(toy, settings)
            if name == "slurm":
                (toy.folder / "slurm.yaml").write_text(SLURM)
                cluster = stack.enter_context(slurm(folder / "cluster", nodes=2, cpus=1))
                toy.environment |= cluster.variables
                found[name].cluster = cluster
        yield found


def _is_here(name: str) -> bool:
    from importlib.util import find_spec

    checks: dict[str, Callable[[], bool]] = {
        "processes": lambda: True,
        "slurm": lambda: not missing() and find_spec("submitit") is not None,
        "ray": lambda: find_spec("ray") is not None,
    }
    return checks[name]()


def table(rows: dict[tuple[str, str, str], Row]) -> str:
    """All rows in Markdown."""
    head = "executor | killed | by | kills | stages ended | results that differ | cells begun again"
    head += " | most of one kill | seconds"
    lines = [f"| {head} |", "|" + "---|" * 9]
    lines += [f"| {' | '.join(key)} | {row.told()} |" for key, row in rows.items()]
    return "\n".join(lines)


def main() -> None:
    """Print the table as it grows; status 1 where a result differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("--only", default="", choices=["", "processes", "slurm", "ray"])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    random.seed(asked.seed)
    rows: dict[tuple[str, str, str], Row] = {}
    with tempfile.TemporaryDirectory() as name, grounds(Path(name), asked.only) as found:
        expected: dict[str, bytes] = {}
        for ground in found.values():
            ground.toy.run()
            expected = ground.toy.bytes()
        kinds = [
            (executor, what, sign)
            for sign in SIGNALS
            for executor, ground in found.items()
            for what in ground.targets()
        ]
        for number in range(asked.kills):
            executor, what, sign = kinds[number % len(kinds)]
            row = rows.setdefault((executor, what, sign.name), Row())
            trial(found[executor], what, sign, row, expected)
            print(f"{number + 1}: {executor} {what} {sign.name}: {row.told()}", flush=True)
    print(table(rows))
    sys.exit(any(row.differing for row in rows.values()))


if __name__ == "__main__":
    main()
