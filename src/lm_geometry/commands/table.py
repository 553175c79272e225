"""`lm-geometry table`: every mean, sd and interval, filtered and sorted."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from lm_geometry.commands.command import Command, Name, examples
from lm_geometry.commands.completion import offered, revisions
from lm_geometry.commands.table_columns import COLUMNS, TABLES, explained, reason, told

FILTERS = (
    *("checkpoint", "corpus", "split", "layer", "exclude", "estimator", "n_neighbors", "control"),
    *("level", "method", "grouping", "group", "k", "score", "signal"),
    *("quantity", "shuffle", "scale", "of", "surrogate"),
)
FORMATS = ("text", "csv", "markdown", "json")

Function = TypeVar("Function", bound=Callable[..., None])


def filtering(function: Function) -> Function:
    """Give a command an option for each of `FILTERS`."""
    for column in reversed(FILTERS):
        option = f"--{column.replace('_', '-')}"
        add = click.option(
            option, multiple=True, metavar="VALUE...", help=f"only these: {COLUMNS[column]}"
        )
        function = add(function)
    return function


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry table differences --layer 30 --sort checkpoint",
        "lm-geometry table --checkpoint base 80 --columns corpus layer mean --format markdown",
        "lm-geometry table means --revision step-20 --wide",
        "lm-geometry table means --explain",
    )
    + f"\n\n{told()}",
)
@click.argument(
    "name", type=Name(tuple(TABLES)), default="means", metavar="[NAME]", help="a table of the list"
)
@filtering
@click.option("--sort", multiple=True, metavar="COLUMN...", help="sort by these columns")
@click.option("--descending", is_flag=True, help="largest first")
@click.option("--columns", multiple=True, metavar="COLUMN...", help="print only these columns")
@click.option("--format", "form", type=Name(FORMATS), default="text", help="how it is printed")
@click.option("--wide", is_flag=True, help="every column, however long the lines (of format text)")
@click.option("--explain", is_flag=True, help="print what each of its columns means")
@click.option(
    "--revision",
    default="workspace",
    metavar="NAME",
    help="of an experiment, branch or commit, in place of what lies here",
    shell_complete=offered(revisions),
)
def command(
    name: str,
    sort: tuple[str, ...],
    descending: bool,
    columns: tuple[str, ...],
    form: str,
    wide: bool,
    explain: bool,
    revision: str,
    **only: tuple[str, ...],
) -> None:
    """Print means, changes and losses by checkpoint, corpus, layer and L: a table of `dvc repro`.

    NAME is means where none is given. Lines fit 100 characters: what is least told is left out, and
    L/scale is n_neighbors of local estimates and scale of GRIDE. --wide has every column.
    """
    if explain:
        from lm_geometry.aggregate.tables import ALL

        print(f"{name}: {TABLES[name]}\n\n{explained(ALL[name])}")
        return
    from lm_geometry.aggregate.tables import read_aggregated
    from lm_geometry.revisions.excerpt import excerpt, printed
    from lm_geometry.revisions.narrow import narrowed
    from lm_geometry.revisions.revision import WORKSPACE as HERE
    from lm_geometry.revisions.revision import Revision
    from lm_geometry.workspace.tree import WORKSPACE

    tree = WORKSPACE if revision == HERE else Revision(revision)
    whole = read_aggregated(name, tree)
    if not len(whole):
        print(f"{name} has no rows: {reason(name)}", file=sys.stderr)
    rows = excerpt(whole, only, sort, descending, columns)
    narrow = form == "text" and not (wide or columns) and len(rows)
    print(narrowed(rows) if narrow else printed(rows, form))
