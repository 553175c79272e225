"""The command `lm-geometry`; everything else is a DVC command."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from lm_geometry.params.explain import nearest
from lm_geometry.workspace.printing import print_any_character

COMMANDS = {
    "params": "print every parameter with its value, type, default and meaning",
    "study": "run a named grid of experiments, and draw the figures that answer its question",
    "report": "write the results of a study into one page that needs no other file",
    "keep": "make a checkpoint of any experiment a model of the catalogue",
    "project": "draw a cloud in the plane by t-SNE or UMAP, coloured by local dimension or label",
    "table": "print means, changes and losses by checkpoint, corpus, layer and L",
    "pull": "dvc pull, naming the results that the remote lacks or has only damaged",
    "audit": "check every object of the cache and the remote against dvc.lock, and mend them",
    "drift": "tell whether dvc.lock belongs to params.yaml and the code; needs no data",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; each is a module of `lm_geometry.commands`."""
    print_any_character()
    parser = argparse.ArgumentParser(prog="lm-geometry", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    given = list(sys.argv[1:] if arguments is None else arguments)
    for name, explanation in COMMANDS.items():
        command = commands.add_parser(
            name, help=explanation, description=explanation, allow_abbrev=False
        )
        if given[:1] == [name]:  # the others need not be imported
            module = import_module(f"lm_geometry.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
            _refuse_unknown_options(command, given[1:])
    chosen = parser.parse_args(given)
    try:
        chosen.run(chosen)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(f"lm-geometry {chosen.command}: {error}") from None
    except BrokenPipeError:  # `lm-geometry table | head`
        raise SystemExit(0) from None


def _refuse_unknown_options(command: argparse.ArgumentParser, given: list[str]) -> None:
    """Exit naming the nearest option; argparse would take the option's value for an argument."""
    known = [option for option in command._option_string_actions if option.startswith("--")]
    for word in given:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            command.error(f"unknown option {option}{nearest(option, known)}")


if __name__ == "__main__":
    main()
