"""What a job does: one experiment in a git clone of its own, its result pushed back."""

import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.outcomes import Facts, facts
from lm_geometry.revisions.programs import cache_and_remotes_of, environment, git
from lm_geometry.workspace.files import write_json

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

PUSHES = 5  # several jobs may push at one moment
PUSH_SECONDS = 2.0


@dataclass(frozen=True)
class Ran:
    """How long a job took, and on what."""

    seconds: float
    where: Facts


@dataclass(frozen=True)
class ClonedExperiment:
    """One experiment, and all that a node needs to run it.

    `origin` is the project, on a file system that every node has; `carried` the contents of files
    that are put over `commit`; `scratch` where unfinished stages keep their finished cells.
    """

    origin: Path
    commit: str
    experiment: Experiment
    carried: Mapping[str, bytes]
    clones: Path
    scratch: Path
    log: Path
    cpus: int

    def __call__(self) -> Ran:
        """How it ran; raises RuntimeError where the experiment failed.

        Either is written as JSON, which whoever asks reads: submitit's own result is a pickle.
        """
        from submitit import JobEnvironment

        result = result_file(JobEnvironment().paths.folder, job_id())
        try:
            ran = self._ran()
        except Exception:  # what submitit raises in here where the time is over, too
            write_json(result, {"raised": traceback.format_exc()})
            raise
        write_json(result, asdict(ran))
        return ran

    def _ran(self) -> Ran:
        began, where = time.monotonic(), facts()
        place = clone_of(self.clones, self.experiment.name, job_id())
        shutil.rmtree(place, ignore_errors=True)  # of this job, before it was begun anew
        place.mkdir(parents=True, mode=0o700)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"--- job {job_id()} on {os.uname().nodename}, {time.ctime()}\n")
                self._run(place, log)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return Ran(time.monotonic() - began, where)

    def checkpoint(self) -> "DelayedSubmission":
        """What submitit submits where the time limit is reached: the same again."""
        from submitit.helpers import DelayedSubmission

        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"--- job {job_id()} was told to end: time limit or preemption\n")
        return DelayedSubmission(self)

    def _run(self, place: Path, log: IO[str]) -> None:
        clone, dvc = place / "clone", [sys.executable, "-m", "dvc"]
        variables = self._variables(place)

        def call(*words: str, where: Path = clone) -> bool:
            log.flush()
            done = subprocess.run(words, cwd=where, env=variables, stdout=log, stderr=log)
            return done.returncode == 0

        def must(*words: str, where: Path = clone) -> None:
            if not call(*words, where=where):
                raise RuntimeError(f"{' '.join(words[:5])} … failed; see {self.log}")

        must("git", "clone", "--quiet", "--no-checkout", str(self.origin), "clone", where=place)
        must("git", "checkout", "--quiet", "--detach", self.commit)
        for path, content in self.carried.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_bytes(content)
            must("git", "add", "--force", "--", path)
        cache_and_remotes_of(self.origin, clone)
        must(sys.executable, "-m", *self.experiment.command())
        for attempt in range(PUSHES):
            time.sleep(PUSH_SECONDS * attempt)
            if call(*dvc, "exp", "push", "--no-cache", "origin", self.experiment.name):
                return
        raise RuntimeError(f"the result could not be pushed to {self.origin}; see {self.log}")

    def _variables(self, place: Path) -> dict[str, str]:
        found = environment(self.origin)
        found.setdefault("LM_GEOMETRY_SCRATCH", str(self.scratch))
        found.setdefault("LM_GEOMETRY_THREADS", str(self.cpus))
        for who in ("AUTHOR", "COMMITTER"):
            for what in ("name", "email"):
                if value := git(self.origin, "config", "--default", "", "--get", f"user.{what}"):
                    found.setdefault(f"GIT_{who}_{what.upper()}", value.strip())
        return {**found, "DVC_SITE_CACHE_DIR": str(place / "site")}


def result_file(folder: Path, job: str) -> Path:
    """Where a job writes how it ran."""
    return folder / f"{job}_result.json"


def job_id() -> str:
    """This job's id, as the cluster lists it."""
    from submitit import JobEnvironment

    return JobEnvironment().job_id


def clone_of(clones: Path, name: str, job: str) -> Path:
    """Folder in which a job works on an experiment."""
    return clones / f"{name}-{job}"
