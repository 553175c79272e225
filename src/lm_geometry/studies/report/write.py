"""What a study leaves in studies/results/NAME: tables, figures, and a page that tells of them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lm_geometry.figures.export import render
from lm_geometry.revisions.spreadsheets import inert
from lm_geometry.studies.definition import DRAWN, RESULTS, Study
from lm_geometry.studies.figure import OVER_STEPS, Figure
from lm_geometry.studies.figures import (
    against,
    course,
    later_scores,
    lines,
    nulls,
    over_steps,
    prompts,
    violins,
)
from lm_geometry.studies.figures.drawn import UNKNOWN, Draw, Drawn, Known, measured
from lm_geometry.studies.numbers import runs
from lm_geometry.studies.numbers.collection import REMAINDERS, TABLES, Collected
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.studies.report import page
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.tables import write_table

PROMPT_TABLES = ("prompt_means", "prompt_peaks", "prompt_shuffles", "prompt_correlations")


def write_report(
    name: str, study: Study, collected: list[Collected], folder: Path = RESULTS
) -> list[Path]:
    """The files written to `folder/<name>`: the same results give the same bytes."""
    files: dict[str, bytes | pd.DataFrame] = {}
    shown = []
    for figure, stem in stems_of(study):
        found = drawn(figure, study, collected)
        files |= {f"{stem}.{suffix}": content for suffix, content in render(found.chart).items()}
        if found.rows is not None:
            files[f"{stem}.csv"] = _csv(found.rows)
        if found.runs is not None:
            files[f"{stem}.parquet"] = found.runs
        shown.append((figure, stem, found.told))
    with_nulls = study.figures and all(REMAINDERS in one.tables for one in collected)
    tables = [*(TABLES if study.figures else ()), *([REMAINDERS] if with_nulls else ())]
    tables += [*(PROMPT_TABLES if study.prompt_figures else ())]
    files |= {f"{table}.parquet": _joined(table, study, collected) for table in tables}
    if study.text:
        files[DRAWN] = study.text.encode()
    files["README.md"] = page.page(name, study, collected, shown).encode()
    return [_written(folder / name / file, content) for file, content in files.items()]


DRAWING: list[Draw] = [violins.violins, lines.lines, lines.boxes]
DRAWING += [over_steps.curves, over_steps.leads, later_scores.later_scores]
DRAWING += [course.course, against.milestones, against.score_correlations, nulls.nulls]
KINDS = {draw.__name__: draw for draw in DRAWING}


def drawn(
    figure: Figure | PromptFigure,
    study: Study,
    collected: list[Collected],
    known: Known = UNKNOWN,
) -> Drawn:
    """A figure of a study's experiments, or of the numbers that are known of it."""
    if isinstance(figure, PromptFigure):
        return prompts.drawn(figure, study, collected, known)
    if figure.exclude:
        collected = [one.read_as(figure.exclude) for one in collected]
    shown = figure.kind in OVER_STEPS or (figure.x != "layer" and figure.layers == "shown")
    told = measured(figure, collected[0], shown)
    return KINDS[figure.kind](figure, study, collected, told, known)


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


def stems_of(study: Study) -> list[tuple[Figure | PromptFigure, str]]:
    """Every figure of a study, and the name of its files."""
    names = _stems(study.figures) + _stems(study.prompt_figures)
    return list(zip([*study.figures, *study.prompt_figures], names, strict=True))


def _stems(figures: Sequence[Figure] | Sequence[PromptFigure]) -> list[str]:
    """File names of figures, different ones."""
    own = [figure.stem for figure in figures]
    return [f"{stem}_{at + 1}" if stem in own[:at] else stem for at, stem in enumerate(own)]


def _csv(table: pd.DataFrame) -> bytes:
    """Six digits of every number, in columns of numbers and words as well."""
    cut = table.map(lambda value: f"{value:.6g}" if isinstance(value, float) else value)
    return inert(cut).to_csv(index=False, lineterminator="\n").encode()


def _written(path: Path, content: bytes | pd.DataFrame) -> Path:
    if isinstance(content, pd.DataFrame):
        write_table(path, content)
        return path
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return path
