"""Some rows and columns of a table, in order, and how they are printed."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lm_geometry.revisions.spreadsheets import inert


def excerpt(
    table: pd.DataFrame,
    only: Mapping[str, Sequence[str]],
    sort: Sequence[str] = (),
    descending: bool = False,
    columns: Sequence[str] = (),
) -> pd.DataFrame:
    """The rows whose columns have one of the values of `only`, sorted by some columns.

    Values are words of a command line; an empty sequence asks for nothing. Raises ValueError for
    a column or a value that the table has not, with those that there are.
    """
    asked = {column: wanted for column, wanted in only.items() if wanted}
    for column in (*asked, *sort, *columns):
        if column not in table:
            raise ValueError(f"no column {column!r}; there are {', '.join(map(str, table))}")
    for column, wanted in asked.items():
        table = table.loc[_chosen(table, column, wanted)]
    if sort:
        table = table.sort_values(list(sort), ascending=not descending, kind="stable")
    if columns:
        table = table.loc[:, list(columns)]
    return table


def printed(table: pd.DataFrame, form: str) -> str:
    """The table as `text`, `csv`, `markdown` or `json`; text and Markdown have four digits."""
    if form == "csv":
        return inert(table).to_csv(index=False).rstrip()
    if form == "json":
        return str(table.to_json(orient="records", indent=1))
    shown = rounded(table)
    if form == "markdown":
        head = "| " + " | ".join(map(str, shown)) + " |"
        rule = "|" + "---|" * len(shown.columns)
        lines = ["| " + " | ".join(map(str, row)) + " |" for row in shown.itertuples(index=False)]
        return "\n".join([head, rule, *lines])
    return shown.to_string(index=False)


def rounded(table: pd.DataFrame, digits: int = 4) -> pd.DataFrame:
    """The table, with so many digits of each number that is not whole by its type."""
    return table.map(lambda value: f"{value:.{digits}g}" if isinstance(value, float) else value)


def _chosen(table: pd.DataFrame, column: str, wanted: Sequence[str]) -> list[bool]:
    """Whether each row has one of the wanted values."""
    try:
        numeric = pd.api.types.is_numeric_dtype(table[column])
        values = [float(value) for value in wanted] if numeric else list(wanted)
    except ValueError:
        raise ValueError(f"{column}: {', '.join(wanted)}: not all are numbers") from None
    there = set(table[column])
    for value in values:
        if value not in there:
            listed = ", ".join(map(str, sorted(there)))
            raise ValueError(f"{column}: {value} is not in the table; there are {listed}")
    return table[column].isin(values).tolist()
