"""The rows of a table by the values of some columns, in the order in which these come."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import pandas as pd

Keys = tuple[Any, ...]  # values of the columns, such as a corpus, a layer and an estimator


def cells(
    table: pd.DataFrame, columns: Sequence[str], dropna: bool = True
) -> Iterator[tuple[Keys, pd.DataFrame]]:
    """(keys, rows) of each combination of values of two or more `columns`.

    Rows with a missing value are in no cell, or without `dropna` in cells of their own.
    """
    found = table.groupby(list(columns), sort=False, dropna=dropna)
    yield from cast("Iterable[tuple[Keys, pd.DataFrame]]", found)
