"""The command `lm-geometry`; everything else is a DVC command."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from lm_geometry.workspace.faults import sentences
from lm_geometry.workspace.printing import print_any_character

PROGRAM = "lm-geometry"
COMMANDS = {
    "measure": "print the local dimension of any model on any texts, layer by layer",
    "run": "run one experiment in a copy, from the committed parameters, and print its result",
    "costs": "tell time, disk and memory of a run on this machine, from a short calibration",
    "cells": "tell which cells of a stage under way are done, running, waiting or failed, and why",
    "experiments": "list experiments: name, what differs, headline; hundreds within seconds",
    "result": "print what a run found: number, interval, table, figures, what to type next",
    "params": "print every parameter with its value, type, default and meaning",
    "study": "run a named grid of experiments, and draw the figures that answer its question",
    "figures": "write figures of a run or study for print: as wide as a column, SVG, PDF and PNG",
    "report": "write the results of a study into one page that needs no other file",
    "keep": "make a checkpoint of any experiment a model of the catalogue",
    "project": "draw a cloud in the plane by t-SNE or UMAP, coloured by local dimension or label",
    "table": "print means, changes and losses by checkpoint, corpus, layer and L",
    "pull": "dvc pull, naming the results that the remote lacks or has only damaged",
    "push": "dvc push, finishing what a killed one left, and looking whether all is there",
    "audit": "check every object of the cache and the remote against dvc.lock, and mend them",
    "attest": "write what the results of a revision are, by SHA-256, and sign it",
    "verify": "tell what differs from an attestation, and who signed it",
    "drift": "tell whether dvc.lock belongs to params.yaml and the code; needs no data",
}
COMPLETION = """\b
All of them but measure work on a clone of the repository.

\b
Completion by TAB, in the start-up file of the shell:
  bash, zsh  eval "$(_LM_GEOMETRY_COMPLETE=bash_source lm-geometry)"    # or zsh_source
  fish       _LM_GEOMETRY_COMPLETE=fish_source lm-geometry | source
"""


class Commands(click.Group):
    """A module each, imported when its command is asked for: the others cost nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which they are told."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"lm_geometry.commands.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; an unknown name is answered with the nearest of `COMMANDS`."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # click looks among commands that are imported
            raise click.NoSuchCommand(error.command_name, None, COMMANDS, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each name with its line of `COMMANDS`."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; wrong input, or a place that fails it, ends it with one sentence."""
        with sentences(lambda: f"{PROGRAM} {ctx.invoked_subcommand}: "):
            super().invoke(ctx)


@click.command(
    cls=Commands,
    epilog=COMPLETION,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
@click.version_option(None, "--version", package_name=PROGRAM, message="%(prog)s %(version)s")
def program() -> None:
    """Studies, tables, figures and remotes of this project; everything else is a DVC command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; raises SystemExit with 2 for a wrong line, and as the command does."""
    print_any_character()
    try:
        program.main(arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        raise SystemExit(128 + signal.SIGINT) from None
    except BrokenPipeError:  # `lm-geometry table | head`
        # Python flushes once more when it ends, and would tell of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
