"""The charts as templates of DVC; `python -m lm_geometry.plot_pages.templates` writes them."""

import json
from pathlib import Path

from lm_geometry.figures.export import NAMES, chart_function
from lm_geometry.plot_pages import ribbons_by_revision, violins_by_revision
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.section import ROOT

TEMPLATES = ROOT / ".dvc" / "plots"
# Charts of revisions laid over each other, and the figure whose data file they draw.
BY_REVISION = {
    "violins_by_revision": "local_estimates",
    "ribbons_by_revision": "dimension_by_layer",
}
CHARTS = {
    "violins_by_revision": violins_by_revision.chart,
    "ribbons_by_revision": ribbons_by_revision.chart,
}
DATA_ANCHOR = "<DVC_METRIC_DATA>"


def template(figure: str) -> str:
    """Text of a figure's template: its chart, with DVC's anchor where the records belong."""
    chart = CHARTS[figure] if figure in CHARTS else chart_function(figure)
    spec = chart([]).to_dict()
    spec.pop("datasets", None)
    spec["data"] = {"values": DATA_ANCHOR}
    return json.dumps(spec, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_templates(folder: Path = TEMPLATES) -> list[Path]:
    """Paths of the templates written to `folder`, one a figure."""
    paths = [folder / f"{figure}.json" for figure in (*NAMES, *BY_REVISION)]
    for path in paths:
        with whole_file(path) as temporary:
            temporary.write_text(template(path.stem), encoding="utf-8")
    return paths


if __name__ == "__main__":
    for path in write_templates():
        print(path)
