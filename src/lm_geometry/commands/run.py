"""`lm-geometry run`: one experiment in a copy, from the committed parameters to its result."""

import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.overrides import takes_overrides

if TYPE_CHECKING:
    from lm_geometry.experiments.asked import Asked


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry run gpt2 -S model.name=gpt2",
        "lm-geometry run mine -S model.name=file:/models/mine -S finetune.task=none",
        "lm-geometry run fast --from examples/quick.yaml -S model.name=minilm",
        "lm-geometry run deep -S 'embed.layers=[20,25,30]' --dry-run    # what it costs",
    ),
)
@click.argument("name", help="what the experiment is called: letters, digits, . _ and -")
@takes_overrides
@click.option("--replace", is_flag=True, help="run again what has this name already")
@click.option("--dry-run", is_flag=True, help="check, say what differs and costs, run nothing")
def command(
    name: str, overrides: tuple[str, ...], files: tuple[Path, ...], replace: bool, dry_run: bool
) -> None:
    """Run one experiment from the committed parameters, in a copy, and print its result.

    Whatever dvc exp run -S left in params.yaml does not count, and the workspace, with the
    committed figures and metrics in it, stays as it is. The experiment is one of DVC's: dvc exp
    show, apply, push and remove know it.
    """
    from lm_geometry.experiments.asked import asked, free_name, with_files
    from lm_geometry.experiments.committed import FILE, left_over, told
    from lm_geometry.experiments.experiment import Project
    from lm_geometry.experiments.reach import refuse_unreached
    from lm_geometry.workspace.machine import machine

    free_name(name, replace)
    wanted = asked(with_files(overrides, files))
    if not dry_run:
        refuse_unreached(wanted.params, Project.read().models)
    for line in _said(wanted):
        print(line, flush=True)
    if left := left_over():
        print(f"not taken from {FILE} here: {told(left)}", flush=True)
    if machine().costs == "told":
        # What is refused is answered before pandas is imported, which takes as long as the rest.
        from lm_geometry.experiments.costs.told import told as costs

        print(costs(wanted.params), flush=True)
    if dry_run:
        words = [word for one in wanted.words for word in ("-S", one)]
        print(shlex.join(["dvc", "exp", "run", "--temp", "-n", name, *words]))
        return
    _run(name, wanted)


def _said(wanted: "Asked") -> list[str]:
    from lm_geometry.experiments.clone import not_committed
    from lm_geometry.experiments.committed import told

    differs = told(wanted.differs) or "nothing"
    said = [f"differs from the committed parameters: {differs}"]
    if wanted.differs.get("finetune.task", ("",))[0] == "none":
        said.append("finetune.task is none: nothing is trained")
    if carried := not_committed():
        more = f" and {len(carried) - 3} more" if len(carried) > 3 else ""
        said.append(f"with what is not committed: {', '.join(carried[:3])}{more}")
    return said


def _run(name: str, wanted: "Asked") -> None:
    from lm_geometry.experiments.clone import clone, fetch, run

    try:
        with clone(name) as place:
            run(name, wanted.words, place)
            commit = fetch(name, place)
            figures = _kept(name, place)
    except KeyboardInterrupt:
        print("interrupted: nothing runs on; the same line goes on from what is done", flush=True)
        sys.exit(128 + signal.SIGINT)
    from lm_geometry.commands.result import of_revision

    print(f"\n{of_revision(name, commit, figures)}")


def _kept(name: str, place: Path) -> Path:
    """The figures of an experiment, out of the copy: git does not follow plots/experiments."""
    from lm_geometry.workspace.files import whole_folder
    from lm_geometry.workspace.paths import PICTURES, PLOTS, PRIVATE_PICTURES
    from lm_geometry.workspace.section import ROOT

    target = PLOTS / "experiments" / name
    with whole_folder(target) as temporary:
        for path in sorted((place / PICTURES.relative_to(ROOT)).glob("*.svg")):
            shutil.copy(path, temporary / path.name)
        for path in sorted((place / PRIVATE_PICTURES.relative_to(ROOT)).glob("svg/*.svg")):
            shutil.copy(path, temporary / f"private_{path.name}")
    return target
