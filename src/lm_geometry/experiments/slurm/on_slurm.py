"""The experiments of a study as jobs of a cluster."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lm_geometry.experiments.executors.slurm.settings import SlurmSettings
from lm_geometry.experiments.experiment import Experiment, Overrides, awaited, levels
from lm_geometry.experiments.in_git import carried, refuse_dirty, there
from lm_geometry.experiments.outcomes import WAITING, Following, Outcome, State
from lm_geometry.experiments.running import Runner
from lm_geometry.experiments.slurm.cluster import RESULT_SECONDS, Local, Slurm, cluster
from lm_geometry.experiments.slurm.job import ClonedExperiment, Ran, clone_of
from lm_geometry.experiments.slurm.jobs import Job, Seen, forget, jobs_begun, read_jobs, write_jobs
from lm_geometry.revisions.programs import git
from lm_geometry.workspace import machine
from lm_geometry.workspace.section import ROOT

POLL_SECONDS = {"slurm": 5.0, "local": 0.3}


@dataclass(frozen=True)
class Batch:
    """Jobs to submit together, which start when those of the experiments in `after` ended."""

    jobs: Sequence[ClonedExperiment]
    after: frozenset[str] = frozenset()


class OnSlurm(Runner):
    """Experiments as jobs, each in a clone of HEAD, with what they share computed first.

    Which job an experiment has is kept in the study's folder of logs, so that another call can
    wait for it.
    """

    alone = ()

    def __init__(
        self, settings: SlurmSettings, logs: Path, root: Path = ROOT, options: str = "--slurm"
    ) -> None:
        super().__init__(logs, root)
        self.options = options
        self.heading = (
            f"# each in a clone of the last commit, by a job with {settings.told()};",
            f"# {settings.parallel} at a time, those first that compute what others share",
        )
        self.settings = settings

    @cached_property
    def cluster(self) -> Slurm | Local:
        """Where jobs are submitted to; raises ValueError where it is not here."""
        folder = self.logs / "jobs" / time.strftime("%Y%m%d-%H%M%S")
        return cluster(self.settings, folder, self.logs.name)

    def lines(self, experiments: list[Experiment]) -> list[str]:
        """What the jobs run, each in a clone of its own."""
        return [one.line() for level in levels(experiments, self.root) for one in level]

    def check(self, experiments: list[Experiment]) -> None:
        """Raises ValueError without the cluster, or where the tree is not as a clone of HEAD."""
        refuse_dirty(self.root)
        _ = self.cluster

    def resets(self) -> Overrides:
        """Nothing: clones of HEAD have the committed parameters."""
        return {}

    def begun(self, names: set[str]) -> Mapping[str, str]:
        """Those whose jobs wait or run."""
        return jobs_begun(names, self.logs)

    def finished(self, names: set[str]) -> list[Outcome]:
        """Of those that have a result, how their jobs ran that ended while nobody waited."""
        jobs = [job for job in read_jobs(self.logs) if job.experiment in names]
        results = {job.experiment: job.result() for job in jobs}
        forget(self.logs, [job for job in jobs if results[job.experiment]])
        return [
            Outcome(name, State.DONE, None, ran.seconds, ran.where)
            for name, ran in results.items()
            if isinstance(ran, Ran)
        ]

    def left(self) -> str:
        """Which jobs wait or run, and how they are ended."""
        jobs = {job.experiment: job for job in read_jobs(self.logs)}
        states = self.begun(set(jobs))
        if not states:
            return "nothing runs on"
        ids = " ".join(jobs[name].id for name in states)
        lines = [f"  {name}: {state}" for name, state in states.items()]
        end = "kill" if self.settings.cluster == "local" else "scancel"
        return "\n".join(["these jobs go on by themselves:", *lines, f"  {end} {ids}   ends them"])

    def run(self, experiments: list[Experiment], following: Following) -> Iterator[Outcome]:
        """How each ended, as they end."""
        self.logs.mkdir(parents=True, exist_ok=True)
        begun = self.begun({one.name for one in experiments})
        jobs = [job for job in read_jobs(self.logs) if job.experiment in begun]
        waits = awaited(sorted(experiments, key=lambda one: one.name not in begun), self.root)
        parts = self.unbegun(experiments, begun)
        if self.cluster.at_a_time is not None:
            parts = [[one] for part in parts for one in part]
        batches = [
            Batch(
                [self._made(one) for one in part],
                frozenset(waits[one.name] for one in part if one.name in waits),
            )
            for part in parts
            if part
        ]
        yield from self._wait(jobs, batches, following)

    def _made(self, experiment: Experiment) -> ClonedExperiment:
        return ClonedExperiment(
            origin=self.root,
            commit=git(self.root, "rev-parse", "HEAD").strip(),
            experiment=experiment,
            carried=carried(self.root),
            clones=self._clones(),
            scratch=machine.scratch().absolute(),
            log=self.log(experiment.name),
            cpus=self.settings.cpus,
        )

    def _clones(self) -> Path:
        own = self.settings.clones
        return Path(own).expanduser() if own else machine.scratch().absolute() / "clones"

    def _submit(self, batch: Batch) -> list[Job]:
        for job in batch.jobs:
            job.log.unlink(missing_ok=True)
        known = read_jobs(self.logs)
        after = [job for job in known if job.experiment in batch.after]
        found = self.cluster.submit(batch.jobs, after)
        names = {job.experiment for job in found}
        kept = [job for job in known if job.experiment not in names]
        write_jobs(self.logs, [*kept, *found])
        return found

    def _seen(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """As the cluster says, but ended where an experiment ran to its end.

        A job that raised may have been cancelled, which the cluster knows once its process ended.
        """
        found = self.cluster.seen(jobs) if jobs else {}
        return found | {job.experiment: Seen() for job in jobs if isinstance(job.result(), Ran)}

    def _wait(self, jobs: list[Job], todo: list[Batch], following: Following) -> Iterator[Outcome]:
        gone: dict[str, float] = {}
        while jobs or todo:
            while batch := self._startable(todo, jobs):
                todo.remove(batch)
                jobs += self._submit(batch)
            seen = self._seen(jobs)
            for job in list(jobs):
                one = seen[job.experiment]
                if one.now:
                    gone.pop(job.experiment, None)
                elif self._over(job, one, gone):
                    jobs.remove(job)
                    yield self._ended(job, one)
            now = {name: seen[name].now for name in (job.experiment for job in jobs)}
            now = {n: t if t.startswith(WAITING) else self.runs(n) for n, t in now.items()}
            queued = {one.experiment.name: WAITING for batch in todo for one in batch.jobs}
            following.now(now | queued)
            if jobs:
                time.sleep(POLL_SECONDS[self.settings.cluster])

    def _startable(self, todo: list[Batch], jobs: Sequence[Job]) -> Batch | None:
        """The next batch to submit now, if there is one; Slurm itself lets batches wait."""
        limit = self.cluster.at_a_time
        if limit is None:
            return next(iter(todo), None)
        if len(jobs) >= limit:
            return None
        open_ = {job.experiment for job in jobs}
        open_ |= {one.experiment.name for batch in todo for one in batch.jobs}
        return next((batch for batch in todo if not batch.after & open_), None)

    def _over(self, job: Job, seen: Seen, gone: dict[str, float]) -> bool:
        """Whether no result will come of a job that neither waits nor runs, or it is there."""
        since = gone.setdefault(job.experiment, time.monotonic())
        if job.result() or seen.end not in (None, State.FAILED):
            return True
        return job.cluster == "local" or time.monotonic() - since > RESULT_SECONDS

    def _ended(self, job: Job, seen: Seen) -> Outcome:
        shutil.rmtree(clone_of(self._clones(), job.experiment, job.id), ignore_errors=True)
        forget(self.logs, [job])
        log, result = self.log(job.experiment), job.result()
        if isinstance(result, Ran):
            done = State.DONE if there(job.experiment, self.root) else State.LOST
            return Outcome(job.experiment, done, log, result.seconds, result.where)
        raised = result or ""
        state = seen.end or (State.FAILED if raised else State.LOST)
        if "Job not requeued because: timed-out" in raised:
            state = State.TIMED_OUT
        with log.open("a", encoding="utf-8") as file:
            file.write(f"--- job {job.id} {state}; its process said:\n{job.printed() or raised}\n")
        return self.ended(job.experiment, state)
