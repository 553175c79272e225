"""`lm-geometry audit`: whether cache and remote hold what dvc.lock names, and mending it."""

import argparse
from functools import partial

from lm_geometry.remotes.audit import Audit, Fault

SHOWN = 20  # faults that are named one by one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("targets", nargs="*", help="stages or outs; all where none is named")
    parser.add_argument("--repair", action="store_true", help="mend what is whole somewhere")
    parser.add_argument("--quick", action="store_true", help="only whether objects are there")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--remote", metavar="NAME", help="another remote than the default one")
    where.add_argument("--no-remote", action="store_true", help="only the cache")


def run(arguments: argparse.Namespace) -> None:
    """Print what is wrong, and mend it; raises SystemExit where something stays wrong."""
    from dvc.repo import Repo

    from lm_geometry.remotes.audit import audit
    from lm_geometry.remotes.mending import mend
    from lm_geometry.workspace.section import ROOT

    with Repo(str(ROOT)) as repo:
        look = partial(
            audit,
            repo,
            with_remote=not arguments.no_remote,
            remote=arguments.remote,
            quick=arguments.quick,
            targets=arguments.targets,
        )
        found = look()
        print(summary(found), flush=True)
        left = mend(found, look, repo, print) if arguments.repair else found.faults
    if left:
        raise SystemExit("\n".join([*named(left), LOST if arguments.repair else MENDING]))


MENDING = (
    "`lm-geometry audit --repair` mends what is whole in the cache, the remote or the workspace "
    "(after a full disk, make room first); `dvc repro` makes the rest"
)
LOST = (
    "these are whole nowhere, and what was left of them was taken away: `dvc repro` makes them "
    "again, `dvc push` sends them"
)


def summary(found: Audit) -> str:
    """How many objects are whole in each place, and what is left to push and pull."""
    lines = []
    for place in found.places:
        looked_up = found.seen[place.name]
        whole = sum(found.whole(place, oid) for oid in looked_up)
        lines.append(f"{place.name}: {whole} of {len(looked_up)} objects are whole")
    for items, command in ((found.to_push, "dvc push"), (found.to_pull, "dvc pull")):
        if items:
            outs = ", ".join(sorted({item.out.path for item in items}))
            number = len({item.oid for item in items})
            lines.append(f"to be moved by `{command}`: {number} of {outs}")
    return "\n".join(lines)


def named(faults: list[Fault]) -> list[str]:
    """A line for each fault, as long as there are not too many."""
    more = [f"… and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return [*map(str, faults[:SHOWN]), *more]
