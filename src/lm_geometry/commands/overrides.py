"""The options by which a command takes overrides of the committed parameters."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from lm_geometry.commands.completion import offered, parameters

Decorated = TypeVar("Decorated", bound=Callable[..., None])


def takes_overrides(command: Decorated) -> Decorated:
    """`command` with `-S KEY=VALUE` as `overrides` and `--from FILE` as `files`, both tuples."""
    one = click.option(
        "-S",
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE...",
        help="override of a committed parameter (lm-geometry params lists them)",
        shell_complete=offered(parameters),
    )
    of_files = click.option(
        "--from",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="overrides of a YAML file, KEY: VALUE in each line; -S overrides them",
    )
    return one(of_files(command))
