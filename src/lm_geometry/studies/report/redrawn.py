"""A study's figures drawn again from what lies in studies/results/NAME; nothing is run."""

from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from lm_geometry.figures.export import render
from lm_geometry.studies.definition import RESULTS, Study, drawn_study, read_study
from lm_geometry.studies.figures.drawn import Chart, Known
from lm_geometry.studies.numbers.kept import kept
from lm_geometry.studies.report.write import drawn, stems_of
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.tables import read_table

EMPTY = ("control", "role")  # columns of words in which there may be none


def redraw(name: str, results: Path = RESULTS) -> tuple[list[Path], list[str]]:
    """The pictures that were written, and a sentence for each figure whose numbers were not kept.

    Raises FileNotFoundError for a study without results.
    """
    written, left = [], []
    for stem, chart in charts(name, results):
        if isinstance(chart, str):
            left.append(f"{stem}: {chart}")
            continue
        for suffix, content in render(chart).items():
            path = results / name / f"{stem}.{suffix}"
            with whole_file(path) as temporary:
                temporary.write_bytes(content)
            written.append(path)
    return written, left


def stems(name: str, results: Path = RESULTS) -> list[str]:
    """The names of the files of a study's figures, of which none is drawn; raises as `charts`."""
    return [stem for _, stem in stems_of(_study(name, results))]


def charts(
    name: str, results: Path = RESULTS, only: Collection[str] = ()
) -> Iterator[tuple[str, Chart | str]]:
    """Each figure of a study by the name of its files; why there is none where there is none.

    With `only` those of these names. A figure is drawn when the next is asked for, of its own
    table, whose numbers have six digits, as the study's file told when the experiments ran. Raises
    FileNotFoundError for a study without results.
    """
    place, study = results / name, _study(name, results)
    collected = kept(name, study, place)
    for figure, stem in stems_of(study):
        if only and stem not in only:
            continue
        known = _known(place, stem)
        if known.rows is None and known.runs is None:
            yield stem, f"figure {figure.title!r}: its numbers were not kept"
            continue
        try:
            chart = drawn(figure, study, collected, known).chart
        except (FileNotFoundError, ValueError) as error:
            yield stem, str(error)
        else:
            yield stem, chart


def _study(name: str, results: Path) -> Study:
    study = drawn_study(name, results) or read_study(name)
    if not (results / name).is_dir():
        raise FileNotFoundError(f"{results / name} is missing: `lm-geometry study {name}` makes it")
    return study


def _known(place: Path, stem: str) -> Known:
    table, runs = place / f"{stem}.csv", place / f"{stem}.parquet"
    return Known(
        _rows(table) if table.exists() else None, read_table(runs) if runs.exists() else None
    )


def _rows(path: Path) -> pd.DataFrame:
    """A table as it was before it was written; a cell without a word is an empty one."""
    table = pd.read_csv(path)
    words = [*table.select_dtypes(exclude="number"), *(n for n in EMPTY if n in table)]
    return table.assign(**{name: table[name].astype(object).fillna("") for name in words})
