"""A study from its first experiment to its figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lm_geometry.experiments.completeness import checked
from lm_geometry.experiments.existing import Existing, in_the_way, older, remove, same
from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.following import Following
from lm_geometry.experiments.made_models import taken_as_they_are
from lm_geometry.experiments.on_queue import tasks_begun
from lm_geometry.experiments.outcomes import Outcome, State, counted, table
from lm_geometry.experiments.running import Runner
from lm_geometry.experiments.slurm.begun import jobs_begun
from lm_geometry.experiments.tree import refuse_untracked_sources
from lm_geometry.revisions.keeping import keep
from lm_geometry.revisions.revision import Revision
from lm_geometry.studies.definition import RESULTS, Study
from lm_geometry.studies.grid import made_first
from lm_geometry.studies.numbers.collection import collect
from lm_geometry.studies.report.runs import record
from lm_geometry.studies.report.write import write_report
from lm_geometry.workspace.section import ROOT


def _say(text: str) -> None:
    print(text, flush=True)


class StudyError(Exception):
    """A study that has no result: experiments failed, as the printed table says."""


@dataclass(frozen=True)
class Conductor:
    """Runs the experiments of one study, with what the command line asks for.

    `replace` runs those again that exist with other parameters or code. `resume` goes on with a
    study that was begun: it waits for what still waits or runs, and takes what exists with the
    same parameters, be its code older.
    """

    name: str
    study: Study
    runner: Runner
    logs: Path
    replace: bool = False
    resume: bool = False
    root: Path = ROOT
    results: Path = RESULTS
    say: Callable[[str], None] = _say

    def conduct(self, experiments: list[Experiment]) -> list[Outcome]:
        """How each experiment is or ended; where all have results, studies/results/NAME is written.

        Raises ValueError before anything is run where something is in the way: experiments with
        other parameters or code without `replace`, ones that still run without `resume`, models of
        the catalogue that the study would make otherwise, a tree that clones would not have.
        Raises StudyError where one failed, after all others were run, and KeyboardInterrupt, having
        said what runs on.
        """
        missing = self._models_to_make()
        every = [*missing.values(), *experiments]
        self._refuse_begun(every)
        if to_run := [one for one in every if self._state(one) is None]:
            refuse_untracked_sources(to_run, self.root)
            self.runner.check(to_run)
        outcomes = self._run(list(missing.values()), experiments)
        for alias, first in missing.items():
            entry = keep(
                Revision(self._found(first).commit, self.root),
                self.study.models[alias].step,
                alias,
                root=self.root,
            )
            self.say(f"model {alias}: {entry.note}")
        outcomes += self._run(experiments, [])
        self._draw(experiments)
        self.say(table(outcomes))
        return outcomes

    def _models_to_make(self) -> dict[str, Experiment]:
        """The experiments of models that the catalogue does not have; of others it says so."""
        first = made_first(self.name, self.study)
        steps = {alias: (one, self.study.models[alias].step) for alias, one in first.items()}
        taken = taken_as_they_are(steps, self.root)
        for alias, entry in taken.items():
            self.say(f"model {alias}: taken as it is in the catalogue: {entry.note or 'no note'}")
        return {alias: one for alias, one in first.items() if alias not in taken}

    def _run(self, experiments: list[Experiment], later: list[Experiment]) -> list[Outcome]:
        """How each ended; raises where one failed, with those for later not run."""
        there = {one.name: state for one in experiments if (state := self._state(one))}
        for name, state in there.items():
            self.say(f"{name}: {state}, with these parameters")
        record(self.name, self.runner.finished(set(there)), self.results)
        missing = [one for one in experiments if one.name not in there]
        self._make_way(missing)
        following = Following(len(missing), self.say)
        try:
            for ended in self.runner.run(missing, following) if missing else ():
                outcome = checked(ended, self.root)
                following.ended(outcome)
                record(self.name, [outcome], self.results)
        except BaseException as error:
            known = following.outcomes
            if isinstance(error, KeyboardInterrupt):
                open_ = self.runner.begun({one.name for one in missing})
                known = [*(Outcome(name, State.OPEN) for name in open_), *known]
            self.say(table(_all([*experiments, *later], there, known)))
            if isinstance(error, KeyboardInterrupt):
                self.say(f"interrupted; {self.runner.left()}\n{self._go_on()}")
            raise
        if any(outcome.failed for outcome in following.outcomes):
            outcomes = _all([*experiments, *later], there, following.outcomes)
            self.say(table(outcomes))
            self.say(self._go_on())
            raise StudyError(f"{self.name}: {counted(outcomes)}")
        return _all(experiments, there, following.outcomes)

    def _go_on(self) -> str:
        words = ["lm-geometry", "study", self.name, self.runner.options, "--resume"]
        return f"  {' '.join(filter(None, words))}   goes on"

    def _state(self, experiment: Experiment) -> State | None:
        if same(experiment, self.root):
            return State.EXISTED
        return State.OLDER if self.resume and older(experiment, self.root) else None

    def _found(self, experiment: Experiment) -> Existing:
        found = same(experiment, self.root)
        if found is None and self.resume:
            found = older(experiment, self.root)
        if found is None:
            raise ValueError(
                f"{experiment.name} ran, but is not there with these parameters and this code: "
                "was something edited meanwhile? Run the study again"
            )
        return found

    def _draw(self, experiments: list[Experiment]) -> None:
        collected = [collect(one, self._found(one).commit, self.root) for one in experiments]
        for path in write_report(self.name, self.study, collected, self.results):
            self.say(str(path.relative_to(self.root)))

    def _refuse_begun(self, experiments: list[Experiment]) -> None:
        """Nothing may run twice at once, be it begun on DVC's queue or as a job."""
        names = {experiment.name for experiment in experiments}
        own = self.runner.begun(names)
        found = {**tasks_begun(names, self.root), **jobs_begun(names, self.logs), **own}
        if found and not self.resume:
            raise ValueError(
                f"experiments of this study were begun before:\n{_listed(found)}\n"
                "--resume, with the options of before, waits for them and does the rest"
            )
        if other := {name: state for name, state in found.items() if name not in own}:
            raise ValueError(
                f"these were begun in another way:\n{_listed(other)}\n"
                "--jobs N --resume waits for what is on DVC's queue, --slurm --resume for jobs"
            )

    def _make_way(self, experiments: list[Experiment]) -> None:
        found = [old for one in experiments if (old := in_the_way(one, self.root))]
        if found and not self.replace:
            listed = "\n".join(f"  {old.name}: other {old.differs}" for old in found)
            kept = "" if self.resume else "; --resume takes those with other code as they are"
            raise ValueError(
                f"these experiments exist, and are not what the study asks for:\n{listed}\n"
                f"--replace runs them again{kept}; `dvc exp rename` keeps one under another name"
            )
        for old in found:
            remove(old.name, self.root)


def _listed(found: Mapping[str, str]) -> str:
    return "\n".join(f"  {name}: {state}" for name, state in found.items())


def _all(
    experiments: list[Experiment], there: dict[str, State], ended: list[Outcome]
) -> list[Outcome]:
    """An outcome for each experiment, in the order of the study."""
    known = {name: Outcome(name, state) for name, state in there.items()}
    known |= {outcome.name: outcome for outcome in ended}
    return [known.get(one.name, Outcome(one.name, State.NOT_RUN)) for one in experiments]
