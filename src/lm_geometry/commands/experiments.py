"""`lm-geometry experiments`: every experiment in a line, hundreds of them within seconds."""

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.completion import offered, revisions

WIDTH = 100  # characters of a line


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry experiments              # all, newest first",
        "lm-geometry experiments grokking     # those whose names begin so",
    ),
)
@click.argument(
    "beginning",
    default="",
    metavar="[NAME]",
    help="only names that begin so",
    shell_complete=offered(revisions),
)
@click.option("--wide", is_flag=True, help="all that differs, however long the lines")
def command(beginning: str, wide: bool) -> None:
    """List experiments: name, what differs from the commit each started from, headline.

    The headline is the difference of differences with its interval, or the mean local dimensions of
    the first corpus. dvc exp show has every parameter and number, and takes minutes for hundreds.
    """
    from lm_geometry.experiments.listing import lines, listed

    found = listed(beginning=beginning)
    if not found and beginning:
        raise ValueError(f"no experiment begins with {beginning!r}")
    if not found:
        raise ValueError("there are none: `lm-geometry run NAME -S KEY=VALUE` makes one")
    print("\n".join(lines(found, None if wide else WIDTH)))
