"""`lm-geometry params`: every parameter with its value, type, default and meaning."""

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.completion import offered, parameters


@click.command(
    cls=Command, epilog=examples("lm-geometry params embed", "lm-geometry params finetune.lora")
)
@click.argument(
    "prefix",
    default="",
    help="only these, such as embed",
    shell_complete=offered(parameters),
)
def command(prefix: str) -> None:
    """Check params.yaml, and print every parameter with its value, type, default and meaning."""
    from lm_geometry.params.check import check_or_exit
    from lm_geometry.params.listing import listing

    print(listing(check_or_exit(), prefix))
