"""Cells as jobs: each a share of the list, and what one leaves undone another one does."""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lm_geometry.experiments.executors.ledger import Ledger
from lm_geometry.experiments.executors.plan import Listed
from lm_geometry.experiments.executors.process import TOLD
from lm_geometry.experiments.executors.processes import STARTS
from lm_geometry.experiments.executors.slurm.listed import RUNS, sacct, squeue
from lm_geometry.experiments.executors.slurm.settings import SlurmSettings
from lm_geometry.experiments.executors.slurm.share import Share, result_file, told_of
from lm_geometry.experiments.executors.slurm.submission import Submission, asked, require
from lm_geometry.workspace.files import read_json
from lm_geometry.workspace.machine import machine, project_of
from lm_geometry.workspace.section import ROOT, read_yaml

FILE = "slurm.yaml"
POLL_SECONDS = {"slurm": 3.0, "local": 0.3}
RESULT_SECONDS = 20.0  # a network file system may show records later than Slurm the end
MEMORY = re.compile(r"memory limit|oom[-_ ]kill", re.IGNORECASE)  # in what slurmstepd says of it
ENDS = {
    "OUT_OF_MEMORY": "its job was ended for memory, of which slurm.yaml asks for {memory}",
    "TIMEOUT": "its job reached its time limit more often than slurm.yaml restarts it",
    "CANCELLED": "its job was cancelled",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "its job was preempted",
}


@dataclass(frozen=True)
class Job:
    """A job that was submitted, and the cells of its share."""

    id: str
    names: tuple[str, ...]


class Jobs:
    """Shares of equal size as an array; cells of a job that ended without them get another job."""

    def __init__(self, ledger: Ledger) -> None:
        """Raises ValueError where there is no Slurm, and ValidationError for wrong settings."""
        file = project_of(ROOT) / FILE
        if not file.exists():
            raise ValueError(
                f"LM_GEOMETRY_EXECUTOR=slurm: {file} is missing, which says what jobs ask of the "
                "cluster; docs/studies-on-clusters.md has one to copy"
            )
        self.settings = SlurmSettings.model_validate(read_yaml(file))
        require(self.settings.cluster)
        self.ledger = ledger
        self.submission = Submission(self.settings, ledger.plan.folder / "jobs")
        self._open: list[Job] = []
        self._number = max(1, min(machine().workers or self.settings.parallel, ledger.total))
        self._fruitless = 0  # jobs after each other that began no cell

    @property
    def told(self) -> str:
        """How many jobs there are, in words."""
        return f"Slurm, {self._number} job{'s' if self._number > 1 else ''}"

    def run(self) -> Iterator[int]:
        """The number of ended cells, each time that jobs were looked at; they end with it."""
        ledger = self.ledger
        try:
            self._submit(shares(list(ledger.waiting.values()), self._number))
            while ledger.waiting and not ledger.gives_up:
                time.sleep(POLL_SECONDS[self.settings.cluster])
                words = self._listed()
                ledger.found_done()
                for job in [job for job in self._open if words[job.id] not in RUNS]:
                    self._open.remove(job)
                    self._take(job, words[job.id])
                yield len(ledger.done) + len(ledger.failed)
        finally:
            self._cancel()

    def _submit(self, parts: Sequence[Sequence[Listed]]) -> None:
        plan, cpus = self.ledger.plan, self.settings.cpus
        works = [Share(plan.folder, tuple(cell.name for cell in part), cpus) for part in parts]
        setup = [f'export PYTHONPATH="{plan.root / "src"}${{PYTHONPATH:+:$PYTHONPATH}}"']
        options = asked(self.settings, plan.stage, setup)
        with outside_of_a_job(), self.submission.streams_in_a_file():
            ids = self.submission.submit(works, options)
        self._open += [Job(one, work.names) for one, work in zip(ids, works, strict=True)]

    def _listed(self) -> dict[str, str]:
        """Slurm's word for each open job; RUNNING while it does not answer."""
        if self.settings.cluster == "local":
            lives = {job.id: self.submission.lives(job.id) for job in self._open}
            return {one: "RUNNING" if there else "" for one, there in lives.items()}
        listed = squeue()
        if listed is None:
            return {job.id: "RUNNING" for job in self._open}
        return {job.id: listed.get(job.id, ("", ""))[0] or sacct(job.id) for job in self._open}

    def _take(self, job: Job, word: str) -> None:
        """Note what became of the cells of a job that ended; those that are left get another."""
        failed = self._failed(job)
        self.ledger.found_done()
        left = [name for name in job.names if name in self.ledger.waiting]
        for name in [name for name in left if name in failed]:
            self.ledger.ended(name, f"job {job.id}", failed[name])
        events, by = self.ledger.plan.events(), told_of(job.id, "").rpartition(" on")[0]
        under_way = [
            name
            for name in left
            if name in events and events[name].by.startswith(f"{by} ") and name not in failed
            if events[name].state in ("began", "lost")
        ]
        for name in under_way:
            self.ledger.lost(name, f"job {job.id}", self._why(job, word))
        is_fruitless = bool(left) and not under_way and not failed
        self._fruitless = self._fruitless + 1 if is_fruitless else 0
        if self._fruitless >= STARTS * self._number:
            raise OSError(f"jobs end without beginning a cell: {self._why(job, word)}")
        again = [self.ledger.waiting[name] for name in left if name in self.ledger.waiting]
        if again and not self.ledger.gives_up:
            self._submit([again])

    def _failed(self, job: Job) -> dict[str, str]:
        """What a job's result says, for which it is waited while records may be on their way."""
        file, since = result_file(self.ledger.plan.folder, job.id), time.monotonic()
        wait = RESULT_SECONDS if self.settings.cluster == "slurm" else 0.0
        while not file.exists() and time.monotonic() - since < wait:
            self.ledger.found_done()
            if not any(name in self.ledger.waiting for name in job.names):
                return {}
            time.sleep(0.5)
        return read_json(file).get("failed", {}) if file.exists() else {}

    def _why(self, job: Job, word: str) -> str:
        files = sorted(self.submission.folder.glob(f"{job.id}_*log.err"))
        text = "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
        if word not in ENDS and MEMORY.search(text):
            word = "OUT_OF_MEMORY"  # killed by Slurm's own accounting, the job has but failed
        told = ENDS.get(word, "its job ended without a result").format(memory=self.settings.memory)
        last = " | ".join(line for line in text.splitlines()[-TOLD:] if line.strip())
        return (
            f"{told} (job {job.id} {word}, {self.submission.folder}{f': {last}' if last else ''})"
        )

    def _cancel(self) -> None:
        """End the jobs that are left: nothing is computed for nobody."""
        ids = [job.id for job in self._open]
        if not ids:
            return
        if self.settings.cluster == "slurm":
            subprocess.run(["scancel", *ids], capture_output=True)
            return
        for one in ids:
            self.submission.end(one)


def shares(cells: Sequence[Listed], number: int) -> list[list[Listed]]:
    """The cells in their order, as at most `number` parts of nearly equal size."""
    total, so_far = sum(cell.size for cell in cells), 0
    parts: list[list[Listed]] = [[] for _ in range(number)]
    for cell in cells:
        parts[min(number - 1, so_far * number // max(total, 1))].append(cell)
        so_far += cell.size
    return [part for part in parts if part]


@contextmanager
def outside_of_a_job() -> Iterator[None]:
    """Without the variables of a job that this process itself runs in, which sbatch would heed."""
    own = {name for name in os.environ if name.startswith(("SLURM_", "SUBMITIT_"))}
    kept = {name: os.environ.pop(name) for name in own - {"SLURM_CONF"}}
    try:
        yield
    finally:
        os.environ.update(kept)
