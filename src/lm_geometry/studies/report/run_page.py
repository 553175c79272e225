"""A run in one HTML page that needs no other file: what it found, its figures, tables, parameters.

Of any experiment, branch or commit, or of what lies in the workspace.
"""

from pathlib import Path

from markupsafe import Markup

from lm_geometry.aggregate.tables import ALL
from lm_geometry.experiments.committed import FILE
from lm_geometry.figures.export import NAMES
from lm_geometry.studies.numbers.collection import read_run
from lm_geometry.studies.report.page import html, picture
from lm_geometry.studies.result import result_of_run
from lm_geometry.workspace.paths import PICTURES, table
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.tree import Tree


def write_run_page(tree: Tree, name: str, path: Path) -> Path:
    """`path`, where the page of the run that left `tree` was written.

    Raises FileNotFoundError where it has no results.
    """
    found = result_of_run(read_run(tree, name), [], [])
    parts = [Markup("<h1>{}</h1>\n<pre>{}</pre>").format(name, found)]
    for figure in NAMES:
        svg = PICTURES / f"{figure}.svg"
        if tree.exists(svg):  # what has nothing to show has no picture
            with tree.open(svg) as file:
                parts.append(picture(file.read(), figure.replace("_", " ")))
    tables = {one: tree.read_table(table(one)) for one in ALL if tree.exists(table(one))}
    told = {one: rows for one, rows in tables.items() if len(rows)}
    with tree.open(ROOT / FILE) as file:
        params = file.read().decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(name, Markup("\n").join(parts), told, FILE, params), encoding="utf-8")
    return path
