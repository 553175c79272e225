"""`lm-geometry cells`: how far a stage is that is under way, or was interrupted."""

import click

from lm_geometry.commands.command import Command, examples


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry cells", "watch -n 10 lm-geometry cells", "lm-geometry cells --all"
    ),
)
@click.option("--all", "every", is_flag=True, help="name finished and waiting cells, too")
def command(every: bool) -> None:
    """Tell which cells of embed and estimate are done, running, waiting or failed, and why.

    It reads the scratch folder (LM_GEOMETRY_SCRATCH), also while stages run, here or on other
    nodes. A stage whose cells are all in its outs is not listed.
    """
    from lm_geometry.experiments.executors.plan import read_plans
    from lm_geometry.experiments.executors.standing import standing

    plans = read_plans()
    if not plans:
        print("no stage is unfinished: every cell that was computed is in its place")
    for plan in plans:
        print(standing(plan, every))
