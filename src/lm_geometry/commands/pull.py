"""`lm-geometry pull`: `dvc pull` that says in words what the remote lacks or has only damaged."""

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.transfers import of_results

REFUSED = (
    "these were refused: `lm-geometry audit --repair` where they are whole mends the remote, "
    "`dvc repro` makes them here"
)


@click.command(
    cls=Command, epilog=examples("lm-geometry pull", "lm-geometry pull estimate aggregate")
)
@of_results
def command(targets: tuple[str, ...], remote: str | None, jobs: int | None) -> None:
    """Pull and verify what dvc.lock names.

    Exits with 1 where a result could not be had, naming each that the remote lacks or has only
    damaged.
    """
    from dvc.repo import Repo

    from lm_geometry.remotes.pulling import pull
    from lm_geometry.remotes.summary import named
    from lm_geometry.workspace.section import ROOT

    with Repo(str(ROOT)) as repo:
        faults = pull(repo, remote, list(targets), jobs)
    if faults:
        raise SystemExit("\n".join([*named(faults), REFUSED]))
