"""`lm-geometry table`: every mean, sd and interval, filtered and sorted."""

from collections.abc import Callable
from typing import TypeVar

import click

from lm_geometry.commands.command import Command, Name, examples

TABLES = (  # those of `aggregate.tables.ALL`, which takes seconds to import
    *("means", "changes", "differences", "losses", "global", "correlations", "groups"),
    *("clusters", "scores", "heuristic", "remainders"),
    *("prompt_means", "prompt_changes", "prompt_peaks", "prompt_shuffles", "prompt_correlations"),
)
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
            option, multiple=True, metavar="VALUE...", help=f"only these, by {column}"
        )
        function = add(function)
    return function


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry table differences --layer 30 --sort checkpoint",
        "lm-geometry table --checkpoint base 80 --columns corpus layer mean --format markdown",
    ),
)
@click.argument(
    "name", type=Name(TABLES), default="means", metavar="[NAME]", help=", ".join(TABLES)
)
@filtering
@click.option("--sort", multiple=True, metavar="COLUMN...", help="sort by these columns")
@click.option("--descending", is_flag=True, help="largest first")
@click.option("--columns", multiple=True, metavar="COLUMN...", help="print only these columns")
@click.option("--format", "form", type=Name(FORMATS), default="text", help="how it is printed")
def command(
    name: str,
    sort: tuple[str, ...],
    descending: bool,
    columns: tuple[str, ...],
    form: str,
    **only: tuple[str, ...],
) -> None:
    """Print means, changes and losses by checkpoint, corpus, layer and L: a table of `dvc repro`.

    NAME is means where none is given.
    """
    from lm_geometry.aggregate.tables import read_aggregated
    from lm_geometry.revisions.excerpt import excerpt, printed

    print(printed(excerpt(read_aggregated(name), only, sort, descending, columns), form))
