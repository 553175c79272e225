"""`lm-geometry keep`: a checkpoint of any experiment becomes a model of the catalogue."""

import click

from lm_geometry.commands.command import Command, examples, refuse_both
from lm_geometry.commands.completion import offered, revisions


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry keep step-20 20 my-model   # then: lm-geometry run new -S model.name=my-model",
        "lm-geometry keep workspace 80 small --adapter",
    ),
)
@click.argument(
    "revision",
    help="experiment, branch, commit, or workspace",
    shell_complete=offered(revisions),
)
@click.argument("step", type=int, help="optimiser step of a checkpoint it kept")
@click.argument("name", help="alias of the new model: a-z, 0-9 and -")
@click.option("--merge", is_flag=True, help="the whole model, adapters merged (the default)")
@click.option("--adapter", is_flag=True, help="adapters alone, with a pointer to their base")
def command(revision: str, step: int, name: str, merge: bool, adapter: bool) -> None:
    """Make a checkpoint of any experiment a model of the catalogue.

    Its files go to models/NAME, tracked by DVC.
    """
    refuse_both("--adapter", "--merge")
    from lm_geometry.revisions.keeping import keep
    from lm_geometry.revisions.revision import Revision

    entry = keep(Revision(revision), step, name, "adapter" if adapter else "merged")
    print(f"{name}: {entry.note}")
    print(f"  files   models/{name}, tracked by models/{name}.dvc; entry in catalogue/models.yaml")
    print(f"  use     lm-geometry run NEW -S model.name={name}")
    print(f"  share   git add models catalogue, git commit, lm-geometry push models/{name}.dvc")
