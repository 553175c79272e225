"""The figure of tokens of text that may not be passed on: drawn on this machine, and no out."""

import shutil
from dataclasses import replace

from lm_geometry.aggregate.described import Lines
from lm_geometry.aggregate.figure_rows import FigureTables
from lm_geometry.aggregate.figures import corpus_figure
from lm_geometry.figures.export import write_figure
from lm_geometry.workspace import paths

NAME = "groups"


def draw_private_groups(figures: FigureTables, lines: Lines) -> None:
    """Draw groups by token of private corpora in plots/private, and say so; remove older ones.

    DVC neither follows nor pushes that folder, and git ignores it.
    """
    shutil.rmtree(paths.PRIVATE_PICTURES, ignore_errors=True)
    groups = figures.tables.private_groups
    if groups.empty:
        return
    own = replace(figures, tables=replace(figures.tables, groups=groups))
    written = write_figure(NAME, corpus_figure(NAME, own, lines), paths.PRIVATE_PICTURES)
    named = ", ".join(dict.fromkeys(map(str, groups["corpus"])))
    print(
        f"{named}: tokens are told apart in {paths.within(written['svg'])}, on this machine alone, "
        "as the text may not be passed on (a catalogue entry with redistribute: true may)",
        flush=True,
    )
