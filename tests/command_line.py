"""Lines of `lm-geometry`, parsed as they are when they run, and not run."""

import re
from collections.abc import Sequence
from pathlib import Path

import click

from lm_geometry.commands.cli import PROGRAM, program


def typed_in(page: Path) -> str:
    """The text of the page's blocks of shell lines, one after the other."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL))


def parsed(words: Sequence[str]) -> click.Context:
    """The command that the words after `lm-geometry` call, with its parameters.

    Raises `click.UsageError` where they are not understood.
    """
    outer = click.Context(program, info_name=PROGRAM, **program.context_settings)
    name, command, rest = program.resolve_command(outer, list(words))
    assert command is not None
    return command.make_context(name, rest, parent=outer)
