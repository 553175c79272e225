"""What a study leaves in studies/results/NAME: tables, figures, and a page that tells of them."""

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from lm_geometry.figures import local_estimates
from lm_geometry.figures.export import render
from lm_geometry.studies.definition import DRAWN, FOLDER, LATER_SCORES, OVER_STEPS, Figure, Study
from lm_geometry.studies.figures import later_scores, lines, over_steps, prompts
from lm_geometry.studies.figures.drawn import Draw, Drawn, measured, words
from lm_geometry.studies.numbers import runs
from lm_geometry.studies.numbers.collection import TABLES, Collected
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.studies.report import page
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.tables import write_table

PROMPT_TABLES = ("prompt_means", "prompt_peaks", "prompt_shuffles", "prompt_correlations")


def write_report(
    name: str, study: Study, collected: list[Collected], folder: Path = FOLDER / "results"
) -> list[Path]:
    """The files written to `folder/<name>`: the same results give the same bytes."""
    place = folder / name
    figures = [*study.figures, *study.prompt_figures]
    stems = _stems(study.figures) + _stems(study.prompt_figures)
    written, shown = [], []
    for figure, stem in zip(figures, stems, strict=True):
        found = _drawn(figure, study, collected)
        for suffix, content in render(found.chart).items():
            written.append(_write(place / f"{stem}.{suffix}", content))
        if found.rows is not None:
            written.append(_write(place / f"{stem}.csv", _csv(found.rows)))
        if found.runs is not None:
            write_table(place / f"{stem}.parquet", found.runs)
            written.append(place / f"{stem}.parquet")
        shown.append((figure, stem, found.told))
    tables = [*(TABLES if study.figures else ()), *(PROMPT_TABLES if study.prompt_figures else ())]
    for table in tables:
        write_table(place / f"{table}.parquet", _joined(table, study, collected))
        written.append(place / f"{table}.parquet")
    if study.text:
        written.append(_write(place / DRAWN, study.text.encode()))
    text = page.page(name, study, collected, shown)
    return [*written, _write(place / "README.md", text.encode())]


def violins(figure: Figure, study: Study, collected: Sequence[Collected], measured: str) -> Drawn:
    """Tokens of base and fine-tuned, for the first of the runs that differ in repeats alone."""
    first: dict[str, Collected] = {}
    for one in collected:
        own = {k: v for k, v in one.experiment.overrides.items() if k not in study.repeats}
        first.setdefault(repr(own), one)
    records = [
        {**record, "rev": one.experiment.name}
        for one in first.values()
        for record in one.revision.read_json(paths.figure_data("local_estimates"))
    ]
    chart = local_estimates.chart(records)
    says = words(figure.says, *chart.to_dict()["title"]["subtitle"])
    return Drawn(chart.properties(title=alt.Title(figure.title, subtitle=says)))


KINDS: dict[str, Draw] = {
    "violins": violins,
    "lines": lines.lines,
    "boxes": lines.boxes,
    "curves": over_steps.curves,
    "leads": over_steps.leads,
    LATER_SCORES: later_scores.drawn,
}


def _drawn(figure: Figure | PromptFigure, study: Study, collected: list[Collected]) -> Drawn:
    if isinstance(figure, PromptFigure):
        return prompts.drawn(figure, study, collected)
    shown = figure.kind in OVER_STEPS or (figure.x != "layer" and figure.layers == "shown")
    return KINDS[figure.kind](figure, study, collected, measured(figure, collected[0], shown))


def _joined(table: str, study: Study, collected: list[Collected]) -> pd.DataFrame:
    """One table of every experiment, with the experiment's name and what varies."""
    cases = (key for own in study.cases.values() for key in own)
    varied = dict.fromkeys([*study.repeats, *study.grid, *cases])
    parts = []
    for one in collected:
        own = {name: str(runs.label(one.experiment.overrides.get(name))) for name in varied}
        known = one.tables.get(table)
        rows = one.revision.read_table(paths.table(table)) if known is None else known
        parts.append(rows.assign(experiment=one.experiment.name, **own))
    return pd.concat(parts, ignore_index=True)


def _stems(figures: Sequence[Figure] | Sequence[PromptFigure]) -> list[str]:
    """File names of figures, different ones."""
    stems: list[str] = []
    for figure in figures:
        stems.append(figure.stem if figure.stem not in stems else f"{figure.stem}_{len(stems) + 1}")
    return stems


def _csv(table: pd.DataFrame) -> bytes:
    """Six digits of every number, in columns of numbers and words as well."""
    cut = table.map(lambda value: f"{value:.6g}" if isinstance(value, float) else value)
    return cut.to_csv(index=False, lineterminator="\n").encode()


def _write(path: Path, content: bytes) -> Path:
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return path
