"""`lm-geometry table`: every mean, sd and interval, filtered and sorted."""

import argparse
from typing import Any

import pandas as pd

from lm_geometry.aggregate.tables import ALL, read_aggregated

FILTERS = (
    *("checkpoint", "corpus", "split", "layer", "estimator", "n_neighbors", "control"),
    *("level", "method", "grouping", "group", "k", "score", "signal"),
    *("quantity", "shuffle", "scale"),
)
FORMATS = ("text", "csv", "markdown", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    names = ", ".join(ALL)
    parser.add_argument("name", nargs="?", default="means", choices=ALL, help=names)
    for column in FILTERS:
        option = f"--{column.replace('_', '-')}"
        parser.add_argument(option, nargs="+", metavar="VALUE", help=f"only these, by {column}")
    parser.add_argument("--sort", nargs="+", metavar="COLUMN", help="sort by these columns")
    parser.add_argument("--descending", action="store_true", help="largest first")
    parser.add_argument("--columns", nargs="+", metavar="COLUMN", help="print only these columns")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how it is printed")


def run(arguments: argparse.Namespace) -> None:
    """Print one table of the last aggregate run."""
    table: Any = read_aggregated(arguments.name)
    for column in FILTERS:
        wanted = getattr(arguments, column)
        if wanted:
            table = _only(table, column, wanted)
    if arguments.sort:
        _require(table, arguments.sort)
        table = table.sort_values(arguments.sort, ascending=not arguments.descending, kind="stable")
    if arguments.columns:
        _require(table, arguments.columns)
        table = table[arguments.columns]
    print(_printed(table, arguments.format))


def _only(table: Any, column: str, wanted: list[str]) -> Any:
    _require(table, [column])
    option = f"--{column.replace('_', '-')}"
    numeric = pd.api.types.is_numeric_dtype(table[column])
    try:
        values = [float(value) for value in wanted] if numeric else wanted
    except ValueError:
        raise ValueError(f"{option}: {wanted} are not numbers") from None
    there = set(table[column])
    for value in values:
        if value not in there:
            listed = ", ".join(map(str, sorted(there)))
            raise ValueError(f"{option}: {value} is not in the table; there are {listed}")
    return table[table[column].isin(values)]


def _require(table: pd.DataFrame, columns: list[str]) -> None:
    for column in columns:
        if column not in table:
            raise ValueError(f"no column {column!r}; there are {', '.join(map(str, table))}")


def _printed(table: pd.DataFrame, form: str) -> str:
    if form == "csv":
        return table.to_csv(index=False).rstrip()
    if form == "json":
        return str(table.to_json(orient="records", indent=1))
    rounded = table.map(lambda value: f"{value:.4g}" if isinstance(value, float) else value)
    if form == "markdown":
        head = "| " + " | ".join(map(str, rounded)) + " |"
        rule = "|" + "---|" * len(rounded.columns)
        lines = ["| " + " | ".join(map(str, row)) + " |" for row in rounded.itertuples(index=False)]
        return "\n".join([head, rule, *lines])
    return rounded.to_string(index=False)
