"""`lm-geometry study`: named grids of experiments, and the figures that answer their questions."""

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_geometry.commands import signal_study
from lm_geometry.commands.command import Command, examples, refuse_both
from lm_geometry.commands.completion import offered, studies

if TYPE_CHECKING:  # what `--help` and TAB need not wait for
    from lm_geometry.experiments.executors.slurm.settings import SlurmSettings
    from lm_geometry.experiments.experiment import Experiment
    from lm_geometry.experiments.running import Runner
    from lm_geometry.studies.conducting import Conductor
    from lm_geometry.studies.definition import Study


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry study grokking_small                  # about a minute a run",
        "lm-geometry study sensitivity_points --jobs 2     # two at a time, on DVC's queue",
        "lm-geometry study grokking_published --dry-run    # the lines, and the disk they take",
        "lm-geometry study signals/grokking --jobs 2       # a family of runs: which signal tells?",
    ),
)
@click.argument(
    "names",
    nargs=-1,
    metavar="[NAME]...",
    help="a file of studies/, without .yaml",
    shell_complete=offered(studies),
)
@click.option("--all", "every", is_flag=True, help="every study that can run here")
@click.option("--list", "listed", is_flag=True, help="print every study and its question")
@click.option("--dry-run", is_flag=True, help="print the lines and the costs, run nothing")
@click.option("--jobs", type=int, default=1, metavar="N", help="N at a time (DVC's queue)")
@click.option("--slurm", is_flag=True, help="as jobs of a Slurm cluster")
@click.option(
    "--slurm-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="what jobs ask of the cluster (default: slurm.yaml of the project)",
)
@click.option(
    "--resume",
    is_flag=True,
    help="go on with a study that was begun: wait for what still waits or runs, run only what "
    "is missing or failed, and take what exists with the same parameters, be its code older",
)
@click.option(
    "--redraw",
    is_flag=True,
    help="draw the figures again from the tables in studies/results, run nothing",
)
def command(
    names: tuple[str, ...],
    every: bool,
    listed: bool,
    dry_run: bool,
    jobs: int,
    slurm: bool,
    slurm_file: Path | None,
    resume: bool,
    redraw: bool,
) -> None:
    """Run a named grid of experiments, and draw the figures that answer its question."""
    refuse_both("--slurm", "--jobs")
    if listed:
        _print_list()
        return
    if redraw:
        _redraw(names, every)
        return
    if jobs < 1:
        raise ValueError(f"--jobs: {jobs} must be 1 or more")
    if families := [name for name in names if name.startswith(signal_study.PREFIX)]:
        _refuse_mixed(families, names, slurm)
        signal_study.conduct(families, jobs, dry_run)
        return
    if slurm_file and not slurm:
        raise ValueError("--slurm-file: is for --slurm, which is not given")
    settings = _settings(slurm, slurm_file)
    chosen = _chosen(names, every, slurm, settings is not None and settings.gpus > 0)
    checked = {name: _checked(name) for name in chosen}
    if not slurm:  # whose nodes are other machines
        _tell_costs(checked)
    from lm_geometry.studies.conducting import Conductor
    from lm_geometry.workspace.machine import scratch

    conductors = []
    for name, (study, found) in checked.items():
        logs = (scratch() / "studies" / name).absolute()
        runner = _runner(jobs, settings, slurm_file, logs)
        conductors.append((Conductor(name, study, runner, logs, resume), found))
    if dry_run:
        print("\n".join(line for one, found in conductors for line in one.lines(found)))
    else:
        _conduct(conductors)


def _redraw(names: tuple[str, ...], every: bool) -> None:
    """Say which pictures were written, and of which figures the numbers were not kept."""
    from lm_geometry.studies.definition import RESULTS, study_names
    from lm_geometry.studies.report.redrawn import redraw
    from lm_geometry.workspace.progress import progress

    if every == bool(names):
        raise ValueError("--redraw: name studies that have results, or give --all")
    with_results = (name for name in study_names() if (RESULTS / name / "README.md").exists())
    chosen = tuple(with_results) if every else names  # families of runs draw no grid's figures
    told = []
    for name in progress(chosen, "studies"):
        written, left = redraw(name)
        svg = [path for path in written if path.suffix == ".svg"]
        told.append(f"{name}: {len(svg)} drawn again")
        told += [f"  as it was: {sentence}" for sentence in left]
    print("\n".join(told))


def _refuse_mixed(families: list[str], names: tuple[str, ...], slurm: bool) -> None:
    if slurm:
        raise ValueError(f"--slurm: {families[0]} is one command of short runs; give --jobs")
    if len(families) < len(names):
        others = ", ".join(name for name in names if name not in families)
        raise ValueError(f"{', '.join(families)}: are no grids of experiments; leave out {others}")


def _settings(slurm: bool, file: Path | None) -> "SlurmSettings | None":
    if not slurm:
        return None
    from lm_geometry.experiments.slurm.settings import FILE, read_settings

    return read_settings(file or FILE)


def _chosen(names: tuple[str, ...], every: bool, slurm: bool, gpu: bool) -> list[str]:
    """The studies that were named, or with --all those that can run here; others are told of."""
    from lm_geometry.studies.definition import read_study, study_names

    if every and names:
        raise ValueError(f"--all is every study: leave out {', '.join(names)}")
    if not every:
        if not names:
            raise ValueError(f"name a study: {', '.join(study_names())}; --list tells of each")
        return list(dict.fromkeys(names))
    from lm_geometry.studies.needs import left_out
    from lm_geometry.workspace.machine import device

    chosen = []
    gpu = gpu or (not slurm and device()[0] != "cpu")
    for name in study_names():
        reason = left_out(name, read_study(name), gpu)
        if reason:
            print(f"# {name} is left out: {reason}", flush=True)
        else:
            chosen.append(name)
    return chosen


def _checked(name: str) -> "tuple[Study, list[Experiment]]":
    from lm_geometry.studies.definition import read_study
    from lm_geometry.studies.grid import check_study
    from lm_geometry.studies.needs import disk_told
    from lm_geometry.studies.numbers.runs import refuse_mixture

    study = read_study(name)
    found = check_study(name, study)
    for figure in study.figures:
        refuse_mixture(figure, study, found)
    if needs := disk_told(found):
        print(needs, file=sys.stderr, flush=True)
    return study, found


def _tell_costs(checked: "dict[str, tuple[Study, list[Experiment]]]") -> None:
    from lm_geometry.experiments.costs.told import told_of_all
    from lm_geometry.studies.grid import models_made, starts
    from lm_geometry.workspace.machine import machine

    if machine().costs == "never":
        return
    for name, (study, found) in checked.items():
        to_make = [one for one in models_made(name, study) if one.entry is None]
        every = [*(one.first for one in to_make), *found]
        print(f"{name}: {told_of_all(every, starts(to_make))}", file=sys.stderr, flush=True)


def _conduct(conductors: "list[tuple[Conductor, list[Experiment]]]") -> None:
    """Conduct studies one after another; one that has no result does not stop the others."""
    from lm_geometry.studies.conducting import StudyError
    from lm_geometry.workspace.faults import sentence

    ended: dict[str, str] = {}
    for conductor, found in conductors:
        try:
            conductor.conduct(found)
        except (StudyError, FileNotFoundError, ValueError) as error:
            if not isinstance(error, StudyError) and sentence(error) is None:
                raise  # a fault of ours
            ended[conductor.name] = str(error)
            if len(conductors) > 1:
                print(f"{conductor.name} has no result: {error}", flush=True)
        except KeyboardInterrupt:
            raise SystemExit(128 + signal.SIGINT) from None
    if len(conductors) > 1:
        names = [conductor.name for conductor, _ in conductors]
        told = {name: ended.get(name, "has its results").splitlines()[0] for name in names}
        print("\n".join(f"{name}: {text.removeprefix(f'{name}: ')}" for name, text in told.items()))
    if ended:
        raise SystemExit(f"lm-geometry study: {'; '.join(ended.values())}")


def _runner(
    jobs: int, settings: "SlurmSettings | None", slurm_file: Path | None, logs: Path
) -> "Runner":
    if settings is not None:
        from lm_geometry.experiments.slurm.on_slurm import OnSlurm

        options = (
            f"--slurm --slurm-file {shlex.quote(str(slurm_file))}" if slurm_file else "--slurm"
        )
        return OnSlurm(settings, logs, options=options)
    if jobs > 1:
        from lm_geometry.experiments.on_queue import OnQueue

        return OnQueue(jobs, logs)
    from lm_geometry.experiments.running import InOrder

    return InOrder(logs)


def _print_list() -> None:
    from lm_geometry.studies.definition import read_study, study_names
    from lm_geometry.studies.grid import experiments

    for name in study_names():
        study = read_study(name)
        number = len(experiments(name, study)) + len(study.models)
        gpu = "; a GPU is needed" if study.gpu else ""
        runs = "1 experiment" if number == 1 else f"{number} experiments"
        print(f"{name}  ({runs}, about {study.minutes:g} minutes on two cores{gpu})")
        print(f"    {study.question}")
    print("\n".join(signal_study.described()))
