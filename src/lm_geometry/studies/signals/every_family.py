"""The families whose runs are whole, judged together: each one's best are joined in the others."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lm_geometry.studies.signals.courses import FamilyRuns
from lm_geometry.studies.signals.definition import (
    FOLDER_OF_SIGNALS,
    RESULTS_OF_SIGNALS,
    read_signal_study,
    signal_study_names,
)
from lm_geometry.studies.signals.judging import Found, judge, three_for
from lm_geometry.studies.signals.report import write_report
from lm_geometry.studies.signals.tables import Tables


def judge_all(
    folder: Path = FOLDER_OF_SIGNALS,
    results: Path = RESULTS_OF_SIGNALS,
    say: Callable[[str], None] = print,
) -> dict[str, Found]:
    """The verdicts by family, with their pages written; of others it is said what is missing.

    Where all three families are whole each is judged a second time, with the three signals joined
    that the other two name.
    """
    whole: dict[str, FamilyRuns] = {}
    for name in signal_study_names(folder):
        study = read_signal_study(name, folder)
        try:
            whole[study.family] = FamilyRuns.of(study, Tables.read(results / study.family))
        except ValueError as error:
            say(f"not judged: {error}")
    found = {family: judge(runs) for family, runs in whole.items()}
    tables: dict[str, pd.DataFrame] = {family: one.table for family, one in found.items()}
    for family, runs in whole.items():
        if chosen := three_for(family, tables):
            found[family] = judge(runs, chosen)
        for path in write_report(runs, found[family], results / family):
            say(str(path))
    return found
