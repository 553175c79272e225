"""`lm-geometry push`: `dvc push` that looks afterwards whether the remote has everything."""

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.transfers import of_results


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
    from lm_geometry.remotes.summary import named
    from lm_geometry.workspace.section import ROOT

    with Repo(str(ROOT)) as repo:
        missing = push(repo, remote, list(targets), jobs, print)
    if missing:
        told = [f"not sent: {item}, made by {item.out.stage}" for item in missing]
        raise SystemExit("\n".join(named(told)))
