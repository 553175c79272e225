"""`lm-geometry pull`: `dvc pull` that says in words what the remote lacks or has only damaged."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("targets", nargs="*", help="stages or outs; all where none is named")
    parser.add_argument("--remote", metavar="NAME", help="another remote than the default one")
    parser.add_argument("--jobs", type=int, metavar="N", help="transfers at a time")


def run(arguments: argparse.Namespace) -> None:
    """Pull and verify; raises SystemExit naming every result that could not be had."""
    from dvc.repo import Repo

    from lm_geometry.commands.audit import named
    from lm_geometry.remotes.pulling import pull
    from lm_geometry.workspace.section import ROOT

    with Repo(str(ROOT)) as repo:
        faults = pull(repo, arguments.remote, arguments.targets, arguments.jobs)
    if faults:
        raise SystemExit("\n".join([*named(faults), REFUSED]))


REFUSED = (
    "these were refused: `lm-geometry audit --repair` where they are whole mends the remote, "
    "`dvc repro` makes them here"
)
