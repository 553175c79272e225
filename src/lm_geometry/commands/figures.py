"""`lm-geometry figures`: the figures of a run or a study for print, as wide as a column."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_geometry.commands.command import Command, examples, refuse_both
from lm_geometry.commands.completion import offered, revisions, studies

if TYPE_CHECKING:  # what `--help` and TAB need not wait for
    from lm_geometry.studies.figures.drawn import Chart


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry figures paper                             # 85 mm, type of 7 pt",
        "lm-geometry figures paper --width-mm 170 --only dimension_by_layer",
        "lm-geometry figures paper --revision step-20",
        "lm-geometry figures paper --study sensitivity_points --width-mm 170",
    ),
)
@click.argument(
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="where they are written; made if it is not there",
)
@click.option("--width-mm", type=float, default=85.0, show_default=True, help="of each figure")
@click.option("--font-pt", type=float, default=7.0, show_default=True, help="smallest type")
@click.option("--only", "names", multiple=True, metavar="NAME...", help="only these figures")
@click.option(
    "--revision",
    default="workspace",
    help="experiment, branch or commit; what lies here where none is given",
    shell_complete=offered(revisions),
)
@click.option(
    "--study",
    metavar="NAME",
    help="the figures of a study in studies/results, instead of those of a run",
    shell_complete=offered(studies),
)
def command(
    folder: Path,
    width_mm: float,
    font_pt: float,
    names: tuple[str, ...],
    revision: str,
    study: str | None,
) -> None:
    """Write figures of a run or a study into FOLDER as SVG, PDF and PNG, for a column of a paper.

    Panels, legends and words are laid out anew for the width; no type is smaller than asked.
    Nothing is computed again: what is drawn is in plots/*.json, or in the study's results. Figures
    without data are left out.
    """
    from lm_geometry.figures.print_size import PAGE_MM, TooNarrowError, height_mm, printed
    from lm_geometry.workspace.files import whole_file

    refuse_both("--study", "--revision")
    charts = _of_study(study, names) if study else _of_run(revision, names)
    written, without, too_wide = False, [], []
    for name, chart in charts:
        if isinstance(chart, str):
            without.append(name)
            continue
        try:
            drawn = printed(chart.to_dict(), width_mm, font_pt)
        except TooNarrowError:
            too_wide.append(name)
            continue
        if (height := height_mm(drawn["svg"])) > PAGE_MM:
            print(f"{name} is {height:.0f} mm high, and a page {PAGE_MM}: it needs more width")
        for suffix, content in drawn.items():
            with whole_file(folder / f"{name}.{suffix}") as temporary:
                temporary.write_bytes(content)
        written = True
    if written:
        print(f"{folder}: {width_mm:g} mm, type of {font_pt:g} pt and more; svg, pdf, png")
    if without:
        print(f"without data, and left out: {', '.join(without)}")
    if too_wide:
        raise ValueError(
            f"{', '.join(too_wide)}: not in {width_mm:g} mm with type of {font_pt:g} pt; take "
            "smaller type, or wider"
        )


def _of_run(revision: str, names: tuple[str, ...]) -> "Iterator[tuple[str, Chart | str]]":
    """Each figure of a run that was asked for; why there is none where there is none."""
    from lm_geometry.figures.export import NAMES, chart_function
    from lm_geometry.figures.records import read_records
    from lm_geometry.revisions.revision import Revision
    from lm_geometry.workspace.paths import PLOTS
    from lm_geometry.workspace.progress import progress

    _refuse_unknown(names, sorted(NAMES))
    run = Revision(revision)
    for name in progress(names or NAMES, "figures"):
        records = read_records(name, run.read_json(PLOTS / f"{name}.json"))
        if all("message" in record for record in records):
            yield name, records[0]["message"]
        else:
            yield name, chart_function(name)(records)


def _of_study(study: str, names: tuple[str, ...]) -> "Iterator[tuple[str, Chart | str]]":
    """Each figure of a study that was asked for, by the name of its files in studies/results."""
    from lm_geometry.studies.report.redrawn import charts, stems
    from lm_geometry.workspace.progress import progress

    known = stems(study)
    _refuse_unknown(names, sorted(known))
    yield from progress(charts(study, only=names), "figures", len({*names} or known))


def _refuse_unknown(names: tuple[str, ...], known: list[str]) -> None:
    from lm_geometry.params.explain import nearest

    for name in names:
        if name not in known:
            raise ValueError(f"--only: there is no figure {name}{nearest(name, known)}")
