"""The command `lm-geometry`; everything else is a DVC command."""

import argparse
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "params": "print every parameter with its value, type, default and meaning",
    "table": "print means, changes and losses by checkpoint, corpus, layer and L",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; each is a module of `lm_geometry.commands`."""
    parser = argparse.ArgumentParser(prog="lm-geometry", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, explanation in COMMANDS.items():
        command = commands.add_parser(name, help=explanation, description=explanation)
        module = import_module(f"lm_geometry.commands.{name}")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(f"lm-geometry {chosen.command}: {error}") from None
    except BrokenPipeError:  # `lm-geometry table | head`
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
