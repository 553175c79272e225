"""`lm-geometry study`: named grids of experiments, and the figures that answer their questions."""

import argparse
from pathlib import Path

from lm_geometry.studies.definition import Study, read_study, study_names
from lm_geometry.studies.grid import Experiment, experiments, made_first
from lm_geometry.studies.upstream import warm_up

QUEUED = "--queue"
ALONE = "--temp"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a file of studies/, without .yaml")
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
    name: str, study: Study, found: list[Experiment], jobs: int = 1, settings: object = None
) -> list[str]:
    """The command lines that do what the study does, to be copied into a shell.

    With `settings` of a cluster, they are what its jobs run, each in a clone.
    """
    if settings is not None:
        first, rest = warm_up([*made_first(name, study).values(), *found])
        print(first, rest)
    printed = []
    for alias, first in made_first(name, study).items():
        printed.append(first.line(ALONE))
        printed.append(f"lm-geometry keep {first.name} {study.models[alias].step} {alias}")
    printed += [experiment.line(ALONE if jobs == 1 else QUEUED) for experiment in found]
    return printed + ([f"dvc queue start -j {jobs}"] if jobs > 1 else [])
