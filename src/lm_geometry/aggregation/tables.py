"""The full tables of a pipeline run, from which figures and headline metrics are taken."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lm_geometry import paths
from lm_geometry.aggregation.differences import Key, change_rows, changes, difference_rows
from lm_geometry.aggregation.means import CELL, local_estimates, loss_rows, mean_rows
from lm_geometry.embedded import read_embedded
from lm_geometry.estimated import GLOBAL, read_global
from lm_geometry.statistics import Mean
from lm_geometry.store.tables import read_table, write_table

SUMMARY = ["mean", "standard_error", "lower", "upper", "degrees", "values", "documents"]
COLUMNS = {
    "means": [*CELL, *SUMMARY, "median", "standard_deviation", "undefined"],
    "changes": [*CELL, *SUMMARY],
    "differences": [*CELL, "control", *SUMMARY],
    "losses": ["corpus", "split", "checkpoint", *SUMMARY],
    "global": GLOBAL,
}


@dataclass(frozen=True)
class Tables:
    """`means`, `changes` since base, `differences` of changes, `losses`, and global estimates."""

    means: pd.DataFrame
    changes: pd.DataFrame
    differences: pd.DataFrame
    losses: pd.DataFrame
    whole: pd.DataFrame

    def write(self, folder: Path = paths.TABLES) -> None:
        """Write every table as Parquet; one without rows is written with its columns."""
        for name, table in zip(COLUMNS, self._all(), strict=True):
            write_table(folder / f"{name}.parquet", table)

    def _all(self) -> list[pd.DataFrame]:
        return [self.means, self.changes, self.differences, self.losses, self.whole]


def make_tables(fine_tuned: str, confidence: float) -> Tables:
    """Every table of the last estimate run; intervals cover documents at `confidence`."""
    means = []
    by_corpus: dict[str, dict[Key, Mean]] = defaultdict(dict)
    for split, table in local_estimates():
        means += mean_rows(table, confidence)
        by_corpus[split.corpus] |= changes(table)
    return Tables(
        _table("means", means),
        _table("changes", change_rows(by_corpus, confidence)),
        _table("differences", difference_rows(by_corpus, fine_tuned, confidence)),
        _table("losses", loss_rows(read_embedded(), confidence)),
        read_global(),
    )


def read_tables(folder: Path = paths.TABLES) -> dict[str, pd.DataFrame]:
    """The tables of the last aggregate run by name."""
    return {name: read_table(folder / f"{name}.parquet", COLUMNS[name]) for name in COLUMNS}


def _table(name: str, rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS[name])
