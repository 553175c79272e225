"""The families whose runs are whole, judged together: each one's best are joined in the others."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lm_geometry.signals.verdict import DRAWS
from lm_geometry.studies.signals.courses import FamilyRuns
from lm_geometry.studies.signals.definition import (
    FOLDER_OF_SIGNALS,
    RESULTS_OF_SIGNALS,
    read_signal_study,
    signal_study_names,
)
from lm_geometry.studies.signals.exhaustion import exhaustion
from lm_geometry.studies.signals.exhaustion_page import in_words, write_exhaustion
from lm_geometry.studies.signals.judged_families import JudgedFamilies
from lm_geometry.studies.signals.judging import Found, judge, three_for
from lm_geometry.studies.signals.overall import write_overall
from lm_geometry.studies.signals.report import write_report
from lm_geometry.studies.signals.tables import Tables
from lm_geometry.workspace.tables import read_table

NOT_THERE = "Not told yet: `lm-geometry study exhaustion` makes its runs."


def judge_all(
    folder: Path = FOLDER_OF_SIGNALS,
    results: Path = RESULTS_OF_SIGNALS,
    say: Callable[[str], None] = print,
    draws: int = DRAWS,
) -> dict[str, Found]:
    """The verdicts by family, with their pages written; of others it is said what is missing.

    Where all three families are whole each is judged a second time, with the three signals joined
    that the other two name. The overall page is written in any case, and that of exhaustion where
    the results beside those of signals have its runs. Intervals are of so many `draws`.
    """
    whole: dict[str, FamilyRuns] = {}
    missing: dict[str, str] = {}
    for name in signal_study_names(folder):
        study = read_signal_study(name, folder)
        try:
            whole[study.family] = FamilyRuns.of(study, Tables.read(results / study.family))
        except ValueError as error:
            missing[study.family] = str(error)
            say(f"not judged: {error}")
    found = {family: judge(runs, draws=draws) for family, runs in whole.items()}
    tables: dict[str, pd.DataFrame] = {family: one.table for family, one in found.items()}
    written: list[Path] = []
    for family, runs in whole.items():
        if chosen := three_for(family, tables):
            found[family] = judge(runs, chosen, draws)
        written += write_report(runs, found[family], results / family)
    written += write_together(JudgedFamilies(whole, found, missing), results)
    for path in written:
        say(str(path))
    return found


def write_together(families: JudgedFamilies, results: Path) -> list[Path]:
    """The overall page, and that of exhaustion, from all families."""
    course = results.parent / "exhaustion" / "course.parquet"
    if not course.exists():
        return write_overall(families, NOT_THERE, results)
    told = exhaustion(read_table(course), families.runs)
    written = write_exhaustion(told, results / "exhaustion")
    return [*written, *write_overall(families, in_words(told), results)]
