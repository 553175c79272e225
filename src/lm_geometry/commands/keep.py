"""`lm-geometry keep`: a checkpoint of any experiment becomes a model of the catalogue."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("revision", help="experiment, branch, commit, or workspace")
    parser.add_argument("step", type=int, help="optimiser step of a checkpoint it kept")
    parser.add_argument("name", help="alias of the new model: a-z, 0-9 and -")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--merge", action="store_true", help="the whole model, adapters merged (the default)"
    )
    form.add_argument(
        "--adapter", action="store_true", help="adapters alone, with a pointer to their base"
    )


def run(arguments: argparse.Namespace) -> None:
    """Keep the checkpoint, and say how it is used."""
    from lm_geometry.revisions.keeping import keep
    from lm_geometry.revisions.revision import Revision

    form = "adapter" if arguments.adapter else "merged"
    entry = keep(Revision(arguments.revision), arguments.step, arguments.name, form)
    name = arguments.name
    print(f"{name}: {entry.note}")
    print(f"  files   models/{name}, tracked by models/{name}.dvc; entry in catalogue/models.yaml")
    print(f"  use     dvc exp run -S model.name={name}")
    print(f"  share   git add models catalogue, git commit, dvc push models/{name}.dvc")
