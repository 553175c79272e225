"""What `lm-geometry push` and `pull` are told: which results, which remote, how many at a time."""

from collections.abc import Callable
from typing import Any

import click

from lm_geometry.commands.completion import offered, remotes, stages_and_outs

Function = Callable[..., Any]


def of_results(function: Function) -> Function:
    """Give a command the argument TARGETS and the options --remote and --jobs."""
    parameters = (
        click.argument(
            "targets",
            nargs=-1,
            help="stages or outs; all where none is named",
            shell_complete=offered(stages_and_outs),
        ),
        click.option(
            "--remote",
            metavar="NAME",
            help="another remote than the default one",
            shell_complete=offered(remotes),
        ),
        click.option("--jobs", type=int, metavar="N", help="transfers at a time"),
    )
    for parameter in reversed(parameters):
        function = parameter(function)
    return function
