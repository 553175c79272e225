"""`lm-geometry study`: a named grid of experiments, and the figures that answer its question."""

import argparse
import sys

from lm_geometry.studies.definition import Study, read_study, study_names
from lm_geometry.studies.grid import Experiment, experiments, made_first

QUEUED = "--queue"
ALONE = "--temp"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", nargs="?", help="a file of studies/, without .yaml")
    parser.add_argument("--list", action="store_true", help="print every study and its question")
    parser.add_argument("--dry-run", action="store_true", help="print the lines, run nothing")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="N at a time (DVC's queue)"
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="run those again that exist with other parameters or code; the old ones are removed",
    )


def run(arguments: argparse.Namespace) -> None:
    """List studies, print one's lines, or run it and draw its figures."""
    if arguments.list:
        _print_list()
        return
    if arguments.name is None:
        raise ValueError(f"name a study: {', '.join(study_names())}; --list tells of each")
    if arguments.jobs < 1:
        raise ValueError(f"--jobs: {arguments.jobs} must be 1 or more")
    study = read_study(arguments.name)
    from lm_geometry.studies.disk import told
    from lm_geometry.studies.runs import refuse_mixture
    from lm_geometry.studies.validation import check_study

    found = check_study(arguments.name, study)
    for figure in study.figures:
        refuse_mixture(figure, study, found)
    if needs := told(found):
        print(needs, file=sys.stderr, flush=True)
    if arguments.dry_run:
        print("\n".join(lines(arguments.name, study, found, arguments.jobs)))
        return
    from lm_geometry.studies.conducting import conduct

    conduct(arguments.name, study, found, arguments.jobs, arguments.replace)


def lines(name: str, study: Study, found: list[Experiment], jobs: int) -> list[str]:
    """The command lines that do what the study does, to be copied into a shell."""
    printed = []
    for alias, first in made_first(name, study).items():
        printed.append(first.line(ALONE))
        printed.append(f"lm-geometry keep {first.name} {study.models[alias].step} {alias}")
    printed += [experiment.line(ALONE if jobs == 1 else QUEUED) for experiment in found]
    return printed + ([f"dvc queue start -j {jobs}"] if jobs > 1 else [])


def _print_list() -> None:
    for name in study_names():
        study = read_study(name)
        number = len(experiments(name, study)) + len(study.models)
        print(f"{name}  ({number} experiments, about {study.minutes:g} minutes on two cores)")
        print(f"    {study.question}")
