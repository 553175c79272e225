"""A study from its first experiment to its figures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.in_git import Found, checked, look_up, refuse_untracked_sources
from lm_geometry.experiments.on_queue import tasks_begun
from lm_geometry.experiments.outcomes import Following, Outcome, State, counted, table
from lm_geometry.experiments.running import Runner
from lm_geometry.experiments.slurm.jobs import jobs_begun
from lm_geometry.models.hub_weights import refuse_same_weights
from lm_geometry.revisions.keeping import keep
from lm_geometry.revisions.revision import Revision
from lm_geometry.studies.definition import RESULTS, Study
from lm_geometry.studies.grid import models_made, refuse_others
from lm_geometry.studies.numbers.collection import Collected, collect
from lm_geometry.studies.report.page import keep_only, record
from lm_geometry.studies.report.write import write_report
from lm_geometry.studies.result import figures_in, result_of_study
from lm_geometry.workspace.section import ROOT


class StudyError(Exception):
    """A study that has no result: experiments failed, as the printed table says."""


@dataclass(frozen=True)
class Conductor:
    """Runs the experiments of one study, with what the command line asks for.

    `resume` goes on with a study that was begun: it waits for what still waits or runs, and takes
    what exists with older code.
    """

    name: str
    study: Study
    runner: Runner
    logs: Path
    resume: bool = False
    root: Path = ROOT
    results: Path = RESULTS
    say: Callable[[str], None] = field(default=partial(print, flush=True))

    def lines(self, experiments: list[Experiment]) -> list[str]:
        """The command lines that do what the study does, to be copied into a shell."""
        printed = [*self.runner.heading]
        for one in models_made(self.name, self.study, self.root):
            kept = f"lm-geometry keep {one.first.name} {one.step} {one.alias}"
            first = one.first.line(*self.runner.alone, resets=self.runner.resets())
            printed += [first, kept]
        return printed + self.runner.lines(experiments)

    def conduct(self, experiments: list[Experiment]) -> list[Outcome]:
        """How each experiment is or ended; where all have results, studies/results/NAME is written.

        Raises ValueError before anything is run where something is in the way: experiments of HEAD
        with other code or ones that still run, without `resume`; models of the catalogue that the
        study would make otherwise; a tree that clones would not have; revisions on the hub that are
        missing or have the same weights. Raises StudyError where one
        failed, after all others were run, and KeyboardInterrupt, having said what runs on.
        """
        made = models_made(self.name, self.study, self.root)
        refuse_others(made)
        for alias, entry in ((one.alias, one.entry) for one in made if one.entry is not None):
            note = entry.get("note") or "no note"
            self.say(f"model {alias}: taken as it is in the catalogue: {note}")
        missing = [one for one in made if one.entry is None]
        first = [one.first for one in missing]
        every = [*first, *experiments]
        self._refuse_begun({one.name for one in every})
        if to_run := [one for one in every if not self._found(one)]:
            self._refuse_taken(to_run)
            refuse_untracked_sources(to_run, self.root)
            refuse_same_weights(one.overrides.get("model.name") for one in to_run)
            self.runner.check(to_run)
        outcomes = self._run(first, experiments)
        for one in missing:
            revision = Revision(self._commit(one.first), self.root)
            entry = keep(revision, one.step, one.alias, root=self.root, origin=one.first.name)
            self.say(f"model {one.alias}: {entry.note}")
        outcomes += self._run(experiments)
        names = [one.name for one in (*(one.first for one in made), *experiments)]
        keep_only(self.name, names, self.results)
        collected = [collect(one, self._commit(one), self.root) for one in experiments]
        written = write_report(self.name, self.study, collected, self.results)
        self.say(table(outcomes))
        self.say(f"\n{self._result(collected, written)}")
        return outcomes

    def _result(self, collected: list[Collected], written: list[Path]) -> str:
        """The text with which every run ends."""
        folder = self.results / self.name
        there = folder.relative_to(self.root) if folder.is_relative_to(self.root) else folder
        pages = [str(there / path.name) for path in written if path.suffix in (".md",)]
        following = [
            f"{' '.join(pages)}     what it found, with every figure",
            f"lm-geometry report {self.name}     the same as one page to send",
        ]
        return result_of_study(
            self.study.question, collected, figures_in(folder, str(there)), following
        )

    def _run(
        self, experiments: Sequence[Experiment], later: Sequence[Experiment] = ()
    ) -> list[Outcome]:
        """How each ended; where one has no result the table is told, and `later` are not run."""
        ended: dict[str, Outcome] = {}
        words = ["lm-geometry", "study", self.name, self.runner.options, "--resume"]
        told = [f"  {' '.join(filter(None, words))}   goes on"]
        try:
            for outcome in self._outcomes(experiments):
                ended[outcome.name] = outcome
        except KeyboardInterrupt:
            open_ = self.runner.begun({one.name for one in experiments})
            ended = {name: Outcome(name, State.OPEN) for name in open_} | ended
            told.insert(0, f"interrupted; {self.runner.left()}")
            raise
        finally:
            names = [one.name for one in (*experiments, *later)]
            outcomes = [ended.get(name, Outcome(name, State.NOT_RUN)) for name in names]
            failed = any(outcome.failed for outcome in outcomes[: len(experiments)])
            if failed:
                self.say("\n".join([table(outcomes), *told]))
        if failed:
            raise StudyError(f"{self.name}: {counted(outcomes)}")
        return outcomes[: len(experiments)]

    def _outcomes(self, experiments: Sequence[Experiment]) -> Iterator[Outcome]:
        """What is there already, then each as it ends: checked, told and recorded."""
        there = {one.name: found for one in experiments if (found := self._found(one))}
        record(self.name, self.runner.finished(set(there)), self.results)
        for name, found in there.items():
            outcome = Outcome(name, State.OLDER if found.other_code else State.EXISTED)
            self.say(f"{name}: {outcome.state}, with these parameters")
            yield outcome
        missing = [one for one in experiments if one.name not in there]
        following = Following(len(missing), self.say)
        for ended in self.runner.run(missing, following) if missing else ():
            outcome = checked(ended, self.root)
            following.ended(outcome)
            record(self.name, [outcome], self.results)
            yield outcome

    def _found(self, experiment: Experiment) -> Found | None:
        """The experiment as git has it, where it need not be run again."""
        found = look_up(experiment.name, self.root)
        return found if found and (self.resume or not found.other_code) else None

    def _commit(self, experiment: Experiment) -> str:
        if found := self._found(experiment):
            return found.commit
        raise ValueError(
            f"{experiment.name} ran, but is not there with this code: was something edited "
            "meanwhile? Run the study again"
        )

    def _refuse_begun(self, names: set[str]) -> None:
        """Nothing may run twice at once, be it begun on DVC's queue or as a job."""
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

    def _refuse_taken(self, experiments: Sequence[Experiment]) -> None:
        """DVC has one experiment of a name below a commit, and would refuse another."""
        found = {one.name: look_up(one.name, self.root) for one in experiments}
        taken = {name: ", ".join(x.other_code) for name, x in found.items() if x and x.of_head}
        if taken:
            raise ValueError(
                f"these experiments of the last commit ran with other code:\n{_listed(taken)}\n"
                "--resume takes them as they are; to run them again, commit what was edited, or\n"
                f"  dvc exp remove {' '.join(taken)}"
            )


def _listed(found: Mapping[str, str]) -> str:
    return "\n".join(f"  {name}: {state}" for name, state in found.items())
