"""`lm-geometry result`: what a run found, in a few lines."""

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
    from lm_geometry.revisions.revision import WORKSPACE as HERE
    from lm_geometry.revisions.revision import Revision
    from lm_geometry.studies.numbers.collection import read_run
    from lm_geometry.studies.result import figures_in, result_of_run
    from lm_geometry.workspace.paths import PLOTS
    from lm_geometry.workspace.tree import WORKSPACE

    if revision == HERE:
        one = read_run(WORKSPACE, HERE)
        figures = figures_in(PLOTS / "svg", "plots/svg")
        following = [
            "dvc plots show --open     every figure in one page, offline",
            "lm-geometry table         every number; --help names the tables",
            "lm-geometry run mine -S model.name=file:/models/mine     your own model",
        ]
    else:
        one, figures = read_run(Revision(revision), revision), []
        following = [
            f"lm-geometry table --revision {revision}     every number",
            f"dvc plots diff HEAD {revision}     its figures, those of the last commit beside them",
            f"dvc exp apply {revision}     brings it into the workspace, figures and all",
        ]
    print(result_of_run(one, figures, following))
