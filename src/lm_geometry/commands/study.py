"""`lm-geometry study`: named grids of experiments, and the figures that answer their questions."""

import argparse
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.slurm.settings import FILE, SlurmSettings, read_settings
from lm_geometry.studies.definition import Study, read_study, study_names
from lm_geometry.studies.grid import experiments, made_first

if TYPE_CHECKING:
    from lm_geometry.experiments.running import Runner

QUEUED = "--queue"
ALONE = "--temp"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a file of studies/, without .yaml"
    )
    parser.add_argument("--all", action="store_true", help="every study that can run here")
    parser.add_argument("--list", action="store_true", help="print every study and its question")
    parser.add_argument("--dry-run", action="store_true", help="print the lines, run nothing")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--jobs", type=int, default=1, metavar="N", help="N at a time (DVC's queue)")
    way.add_argument("--slurm", action="store_true", help="as jobs of a Slurm cluster")
    parser.add_argument(
        "--slurm-file",
        type=Path,
        metavar="FILE",
        help="what jobs ask of the cluster (default: slurm.yaml of the project)",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        "--replace",
        action="store_true",
        help="run those again that exist with other parameters or code; the old ones are removed",
    )
    again.add_argument(
        "--resume",
        action="store_true",
        help="go on with a study that was begun: wait for what still waits or runs, run only what "
        "is missing or failed, and take what exists with the same parameters, be its code older",
    )


def run(arguments: argparse.Namespace) -> None:
    """List studies, print the lines of some, or run them and draw their figures."""
    if arguments.list:
        _print_list()
        return
    if arguments.jobs < 1:
        raise ValueError(f"--jobs: {arguments.jobs} must be 1 or more")
    if arguments.slurm_file and not arguments.slurm:
        raise ValueError("--slurm-file: is for --slurm, which is not given")
    settings = _settings(arguments)
    names = _chosen(arguments, settings is not None and settings.gpus > 0)
    checked = {name: _checked(name) for name in names}
    if arguments.dry_run:
        for name, (study, found) in checked.items():
            print("\n".join(lines(name, study, found, arguments.jobs, settings)))
        return
    _conduct(arguments, checked, settings)


def lines(
    name: str,
    study: Study,
    found: list[Experiment],
    jobs: int = 1,
    settings: SlurmSettings | None = None,
) -> list[str]:
    """The command lines that do what the study does, to be copied into a shell.

    With `settings` of a cluster they are those that its jobs run, each in a clone of its own.
    """
    alone = [ALONE] if settings is None else []
    printed = []
    if settings is not None:
        printed.append(f"# each in a clone of the last commit, by a job with {settings.told()};")
        printed.append(
            f"# {settings.parallel} at a time, those first that compute what others share"
        )
    for alias, first in made_first(name, study).items():
        printed.append(first.line(*alone))
        printed.append(f"lm-geometry keep {first.name} {study.models[alias].step} {alias}")
    if jobs == 1 and settings is None:
        return printed + [experiment.line(*alone) for experiment in found]
    from lm_geometry.experiments.upstream import awaited, levels

    ordered = [experiment for level in levels(found) for experiment in level]
    if settings is not None:
        return printed + [experiment.line() for experiment in ordered]
    # A shell cannot wait for what the queue runs: what others share is computed before.
    awaiting = set(awaited(found).values())
    return [
        *printed,
        *(experiment.line(ALONE) for experiment in ordered if experiment.name in awaiting),
        *(experiment.line(QUEUED) for experiment in ordered if experiment.name not in awaiting),
        f"dvc queue start -j {jobs}",
    ]


def _settings(arguments: argparse.Namespace) -> SlurmSettings | None:
    if not arguments.slurm:
        return None
    return read_settings(arguments.slurm_file or FILE)


def _chosen(arguments: argparse.Namespace, gpu: bool) -> list[str]:
    """The studies that were named, or with --all those that can run here; others are told of."""
    if arguments.all and arguments.names:
        raise ValueError(f"--all is every study: leave out {', '.join(arguments.names)}")
    if not arguments.all:
        if not arguments.names:
            raise ValueError(f"name a study: {', '.join(study_names())}; --list tells of each")
        return list(dict.fromkeys(arguments.names))
    from lm_geometry.studies.choosing import has_gpu, left_out

    chosen = []
    gpu = gpu or (not arguments.slurm and has_gpu())
    for name in study_names():
        reason = left_out(name, read_study(name), gpu)
        if reason:
            print(f"# {name} is left out: {reason}", flush=True)
        else:
            chosen.append(name)
    return chosen


def _checked(name: str) -> tuple[Study, list[Experiment]]:
    from lm_geometry.studies.disk import told
    from lm_geometry.studies.numbers.runs import refuse_mixture
    from lm_geometry.studies.validation import check_study

    study = read_study(name)
    found = check_study(name, study)
    for figure in study.figures:
        refuse_mixture(figure, study, found)
    if needs := told(found):
        print(needs, file=sys.stderr, flush=True)
    return study, found


def _conduct(
    arguments: argparse.Namespace,
    checked: dict[str, tuple[Study, list[Experiment]]],
    settings: SlurmSettings | None,
) -> None:
    """Conduct studies one after another; one that has no result does not stop the others."""
    from lm_geometry.studies.conducting import Conductor, StudyError
    from lm_geometry.workspace.machine import scratch

    ended: dict[str, str] = {}
    for name, (study, found) in checked.items():
        logs = (scratch() / "studies" / name).absolute()
        runner = _runner(arguments, settings, logs)
        conductor = Conductor(name, study, runner, logs, arguments.replace, arguments.resume)
        try:
            conductor.conduct(found)
        except (StudyError, FileNotFoundError, ValueError) as error:
            ended[name] = str(error)
            if len(checked) > 1:
                print(f"{name} has no result: {error}", flush=True)
        except KeyboardInterrupt:
            raise SystemExit(128 + signal.SIGINT) from None
    if len(checked) > 1:
        told = {name: ended.get(name, "has its results").splitlines()[0] for name in checked}
        print("\n".join(f"{name}: {text.removeprefix(f'{name}: ')}" for name, text in told.items()))
    if ended:
        raise SystemExit(f"lm-geometry study: {'; '.join(ended.values())}")


def _runner(arguments: argparse.Namespace, settings: SlurmSettings | None, logs: Path) -> "Runner":
    if settings is not None:
        from lm_geometry.experiments.slurm.on_slurm import OnSlurm

        file = arguments.slurm_file
        options = f"--slurm --slurm-file {shlex.quote(str(file))}" if file else "--slurm"
        return OnSlurm(settings, logs, options=options)
    if arguments.jobs > 1:
        from lm_geometry.experiments.on_queue import OnQueue

        return OnQueue(arguments.jobs, logs)
    from lm_geometry.experiments.running import InOrder

    return InOrder(logs)


def _print_list() -> None:
    for name in study_names():
        study = read_study(name)
        number = len(experiments(name, study)) + len(study.models)
        gpu = "; a GPU is needed" if study.gpu else ""
        runs = "1 experiment" if number == 1 else f"{number} experiments"
        print(f"{name}  ({runs}, about {study.minutes:g} minutes on two cores{gpu})")
        print(f"    {study.question}")
