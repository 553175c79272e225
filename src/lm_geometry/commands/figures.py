"""`lm-geometry figures`: the figures of a run for print, as wide as a column."""

from pathlib import Path

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.completion import offered, revisions


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry figures paper                             # 85 mm, type of 7 pt",
        "lm-geometry figures paper --width-mm 170 --only dimension_by_layer",
        "lm-geometry figures paper --revision step-20",
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
def command(
    folder: Path, width_mm: float, font_pt: float, names: tuple[str, ...], revision: str
) -> None:
    """Write the figures of a run into FOLDER as SVG, PDF and PNG, for a column of a paper.

    Panels, legends and words are laid out anew for the width; no type is smaller than asked.
    Nothing is computed again: what is drawn is in plots/*.json. Figures without data are left out.
    """
    from lm_geometry.figures.export import NAMES, chart_function
    from lm_geometry.figures.print_size import PAGE_MM, height_mm, printed
    from lm_geometry.figures.records import read_records
    from lm_geometry.params.explain import nearest
    from lm_geometry.revisions.revision import Revision
    from lm_geometry.workspace.files import whole_file
    from lm_geometry.workspace.paths import PLOTS
    from lm_geometry.workspace.progress import progress

    for name in names:
        if name not in NAMES:
            raise ValueError(f"--only: there is no figure {name}{nearest(name, sorted(NAMES))}")
    run, without = Revision(revision), []
    for name in progress(names or NAMES, "figures"):
        records = read_records(name, run.read_json(PLOTS / f"{name}.json"))
        if all("message" in record for record in records):
            without.append(name)
            continue
        drawn = printed(chart_function(name)(records).to_dict(), width_mm, font_pt)
        if (height := height_mm(drawn["svg"])) > PAGE_MM:
            print(f"{name} is {height:.0f} mm high, and a page {PAGE_MM}: it needs more width")
        for suffix, content in drawn.items():
            with whole_file(folder / f"{name}.{suffix}") as temporary:
                temporary.write_bytes(content)
    print(f"{folder}: {width_mm:g} mm, type of {font_pt:g} pt and more; svg, pdf, png")
    if without:
        print(f"without data, and left out: {', '.join(without)}")
