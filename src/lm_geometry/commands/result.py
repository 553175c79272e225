"""`lm-geometry result`: what a run found, in a few lines."""

from pathlib import Path

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.completion import offered, revisions


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry result             # of the last `make repro` or `dvc repro`",
        "lm-geometry result step-20     # of an experiment, branch or commit",
    ),
)
@click.argument(
    "revision",
    default="workspace",
    metavar="[REVISION]",
    help="experiment, branch or commit; what lies here where none is given",
    shell_complete=offered(revisions),
)
def command(revision: str) -> None:
    """Print what a run found: number, interval, what it is conditional on, and where more is."""
    from lm_geometry.revisions.revision import WORKSPACE

    if revision == WORKSPACE:
        print(_of_workspace())
    else:
        print(of_revision(revision, revision))


def of_revision(name: str, revision: str, figures: Path | None = None) -> str:
    """The result of an experiment or commit; `figures` is the folder where they were laid."""
    from lm_geometry.revisions.revision import Revision
    from lm_geometry.studies.numbers.collection import read_run
    from lm_geometry.studies.result import figures_in, result_of_run
    from lm_geometry.workspace.paths import PLOTS
    from lm_geometry.workspace.section import ROOT

    folder = figures or PLOTS / "experiments" / name
    following = [
        f"lm-geometry table --revision {name}     every number",
        f"dvc plots diff HEAD {name}     its figures, those of the last commit beside them",
        f"dvc exp apply {name}     brings it into the workspace, figures and all",
    ]
    there = figures_in(folder, folder.relative_to(ROOT).as_posix())
    return result_of_run(read_run(Revision(revision), name), there, following)


def _of_workspace() -> str:
    from lm_geometry.revisions.revision import WORKSPACE as NAME
    from lm_geometry.studies.numbers.collection import read_run
    from lm_geometry.studies.result import figures_in, result_of_run
    from lm_geometry.workspace.paths import PICTURES
    from lm_geometry.workspace.section import ROOT
    from lm_geometry.workspace.tree import WORKSPACE

    following = [
        "dvc plots show --open     every figure in one page, offline",
        "lm-geometry table         every number; --help names the tables",
        "lm-geometry run mine -S model.name=file:/models/mine     your own model",
    ]
    figures = figures_in(PICTURES, PICTURES.relative_to(ROOT).as_posix())
    return result_of_run(read_run(WORKSPACE, NAME), figures, following)
