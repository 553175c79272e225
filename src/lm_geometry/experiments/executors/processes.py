"""Cells on worker processes of this machine, or of the node that a job has."""

import os
import queue
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lm_geometry.experiments.executors.ledger import Ledger
from lm_geometry.experiments.executors.process import Answer, WorkerProcess

LOOKED = 1.0  # seconds from one look at the workers to the next, where nothing is heard of them
STARTS = 3  # that end before a worker is ready, one after another


class Processes:
    """Workers that are given cell after cell; one that ends under a cell is replaced."""

    def __init__(
        self, ledger: Ledger, variables: Sequence[Mapping[str, str]], name: str = "process"
    ) -> None:
        """As many workers as there are `variables`, the environment of each."""
        self.ledger, self.name = ledger, name
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._workers: list[WorkerProcess] = []
        self._variables = list(variables)
        self._failed_starts = 0

    @property
    def told(self) -> str:
        """How many workers there are, in words."""
        number = len(self._variables)
        return f"{number} process" if number == 1 else f"{number} processes"

    def run(self) -> Iterator[int]:
        """The number of ended cells, each time that one ended; workers end with it."""
        ledger = self.ledger
        try:
            for number in range(len(self._variables)):  # each can be ended once it is there
                self._workers.append(self._start(number))
            while ledger.is_open:
                self._hear()
                self._replace()
                yield len(ledger.done) + len(ledger.failed)
        finally:
            for worker in self._workers:
                worker.end()

    def _start(self, number: int) -> WorkerProcess:
        name = f"{self.name} {number + 1}"
        log = self._log(number)
        plan = self.ledger.plan
        given = (name, plan.stage, plan.root, log, self._variables[number])
        return WorkerProcess(*given, self._answers)

    def _log(self, number: int) -> Path:
        host = f"{socket.gethostname()}-{os.getpid()}"
        return self.ledger.plan.logs / f"{host}-{number}.log"

    def _hear(self) -> None:
        """Take answers as they come, and give those who answered their next cell."""
        try:
            answer = self._answers.get(timeout=LOOKED)
        except queue.Empty:
            return
        worker = answer.worker
        if answer.is_ready:
            worker.is_ready, self._failed_starts = True, 0
        elif worker.cell is not None and worker.cell.name == answer.cell:
            worker.cell = None
            self.ledger.ended(answer.cell, worker.name, answer.why)
        self._give(worker)

    def _give(self, worker: WorkerProcess) -> None:
        if worker.is_ready and worker.cell is None and worker.lives():
            cell = self.ledger.next(worker.group)
            if cell is not None:
                self.ledger.began(cell, worker.name)
                worker.give(cell)

    def _replace(self) -> None:
        """Start a worker in the place of each that ended; its cell is tried again."""
        for number, worker in enumerate(self._workers):
            if worker.lives():
                self._give(worker)  # a cell may have come back
                continue
            if worker.cell is not None:
                self.ledger.lost(worker.cell.name, worker.name, worker.why_ended())
                worker.cell = None
            elif not worker.is_ready:
                self._failed_starts += 1
                if self._failed_starts >= STARTS:
                    raise OSError(f"no worker could be started: {worker.why_ended()}")
            if self.ledger.waiting and not self.ledger.gives_up:
                self._workers[number] = self._start(number)
