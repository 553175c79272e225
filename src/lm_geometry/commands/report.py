"""`lm-geometry report`: the results of a study in one HTML page to send or to keep."""

from pathlib import Path

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.completion import offered, results


@click.command(cls=Command, epilog=examples("lm-geometry report grokking --out grokking.html"))
@click.argument(
    "name",
    help="a study that was run: a folder of studies/results",
    shell_complete=offered(results),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="default: studies/results/NAME/report.html",
)
def command(name: str, out: Path | None) -> None:
    """Write the results of a study into one page that needs no other file."""
    from lm_geometry.studies.definition import RESULTS, read_study
    from lm_geometry.studies.report.page import write_web_page

    print(write_web_page(name, read_study(name), out or RESULTS / name / "report.html"))
