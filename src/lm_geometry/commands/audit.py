"""`lm-geometry audit`: whether cache and remote hold what dvc.lock names, and mending it."""

from functools import partial

import click

from lm_geometry.commands.command import Command, examples, refuse_both
from lm_geometry.commands.completion import offered, remotes, stages_and_outs

MENDING = (
    "`lm-geometry audit --repair` mends what is whole in the cache, the remote or the workspace "
    "(after a full disk, make room first); `dvc repro` makes the rest"
)
LOST = (
    "these are whole nowhere, and what was left of them was taken away: `dvc repro` makes them "
    "again, `lm-geometry push` sends them"
)


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry audit --quick --no-remote     # seconds: is everything in the cache?",
        "lm-geometry audit embed --remote backup   # one stage, another remote",
        "lm-geometry audit --repair",
    ),
)
@click.argument(
    "targets",
    nargs=-1,
    help="stages or outs; all where none is named",
    shell_complete=offered(stages_and_outs),
)
@click.option("--repair", is_flag=True, help="mend what is whole somewhere")
@click.option("--quick", is_flag=True, help="only whether objects are there, and their size")
@click.option(
    "--remote",
    metavar="NAME",
    help="another remote than the default one",
    shell_complete=offered(remotes),
)
@click.option("--no-remote", is_flag=True, help="only the cache")
def command(
    targets: tuple[str, ...], repair: bool, quick: bool, remote: str | None, no_remote: bool
) -> None:
    """Check every object of the cache and the remote against dvc.lock, and mend them.

    So is what lies in the workspace and is no link into the cache.

    Prints what is wrong; exits with 1 where something stays wrong.
    """
    refuse_both("--no-remote", "--remote")
    from dvc.repo import Repo

    from lm_geometry.remotes.audit import audit
    from lm_geometry.remotes.mending import mend
    from lm_geometry.remotes.sizes import changed
    from lm_geometry.remotes.summary import named, named_changed, summary
    from lm_geometry.workspace.section import ROOT

    with Repo(str(ROOT)) as repo:
        look = partial(
            audit,
            repo,
            with_remote=not no_remote,
            remote=remote,
            quick=quick,
            targets=list(targets),
        )
        found = look()
        print(summary(found), flush=True)
        left = mend(found, look, repo, print) if repair else found.faults
        if repair and found.faults:
            found = look()
        others = changed(found.items, ROOT, found.cache, found.seen[found.cache.name], quick)
    told = [*named(left), LOST if repair else MENDING] if left else []
    told += named_changed(found, others)
    if told:
        raise SystemExit("\n".join(told))
