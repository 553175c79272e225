"""`lm-geometry push`: `dvc push` that looks afterwards whether the remote has everything."""

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.transfers import of_results

SHOWN = 12  # of what was not sent


@click.command(
    cls=Command, epilog=examples("lm-geometry push", "lm-geometry push estimate --remote backup")
)
@of_results
def command(targets: tuple[str, ...], remote: str | None, jobs: int | None) -> None:
    """Push what dvc.lock names, and look whether it is there.

    Finishes what a killed push left, which `dvc push` can take for whole. Exits with 1 where the
    remote lacks what the cache has.
    """
    from dvc.repo import Repo

    from lm_geometry.remotes.pushing import push
    from lm_geometry.workspace.section import ROOT

    with Repo(str(ROOT)) as repo:
        missing = push(repo, remote, list(targets), jobs, print)
    if missing:
        named = [f"not sent: {item}, made by {item.out.stage}" for item in missing[:SHOWN]]
        more = [f"and {len(missing) - SHOWN} more"] if len(missing) > SHOWN else []
        raise SystemExit("\n".join([*named, *more]))
