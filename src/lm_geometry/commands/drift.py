"""`lm-geometry drift`: whether dvc.lock belongs to params.yaml and the code, without any data."""

import click

from lm_geometry.commands.command import Command


@click.command(cls=Command)
def command() -> None:
    """Tell whether dvc.lock belongs to params.yaml and the code; needs no data.

    Exits with 1 where it does not, naming what changed, by stage.
    """
    from dvc.repo import Repo

    from lm_geometry.remotes.drift import drift
    from lm_geometry.workspace.section import ROOT

    with Repo(str(ROOT)) as repo:
        found = drift(repo)
    if found:
        lines = [f"{stage}: {', '.join(changes)}" for stage, changes in found.items()]
        raise SystemExit("\n".join([*lines, "dvc.lock is of another state: `dvc repro`, commit"]))
    print("dvc.lock belongs to params.yaml, dvc.yaml and the code")
