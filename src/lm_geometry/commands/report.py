"""`lm-geometry report`: the results of a run or a study in one HTML page to send or to keep."""

from pathlib import Path

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.completion import offered, results, revisions


def _names() -> list[str]:
    return [*results(), *revisions()]


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry report grokking --out grokking.html",
        "lm-geometry report step-20     # an experiment, branch or commit, or `workspace`",
    ),
)
@click.argument(
    "name",
    help="a study that was run; or an experiment, branch or commit, or workspace",
    shell_complete=offered(_names),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="default: of a study studies/results/NAME/report.html, else NAME.html",
)
def command(name: str, out: Path | None) -> None:
    """Write the results of a run or a study into one page that needs no other file."""
    from lm_geometry.studies.definition import RESULTS, read_study, study_names

    if name not in study_names() and not _is_revision(name):
        from lm_geometry.params.explain import nearest

        known = nearest(name, [*study_names(), *revisions()])
        raise ValueError(f"no study, experiment or commit {name!r}{known}")
    if name in study_names():
        from lm_geometry.studies.report.page import write_web_page

        print(write_web_page(name, read_study(name), out or RESULTS / name / "report.html"))
        return
    from lm_geometry.revisions.revision import Revision
    from lm_geometry.studies.report.run_page import write_run_page

    file = Path(f"{name.replace('/', '-')}.html")
    print(write_run_page(Revision(name), name, out or file))


def _is_revision(name: str) -> bool:
    from lm_geometry.experiments.in_git import there
    from lm_geometry.revisions.programs import git
    from lm_geometry.revisions.revision import WORKSPACE
    from lm_geometry.workspace.section import ROOT

    if name == WORKSPACE or there(name):
        return True
    try:
        return bool(git(ROOT, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"))
    except ValueError:  # git knows no such commit
        return False
